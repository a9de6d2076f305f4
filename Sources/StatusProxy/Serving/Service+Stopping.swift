// How the service stops: it drains, completes gates, closes the store and ends.

import Dispatch
import Glibc
import HTTPWire
import Locking
import SocketServer
import StateStores
import StatusAPI
import StatusCore
import UpstreamCurl

extension Service {
    /// Reports not ready, serves for the drain delay, then lets everything under way finish.
    func stop(_ reason: String) {
        let isFirst = isStopping.withLock { isStopping in
            defer { isStopping = true }
            return !isStopping
        }
        guard isFirst else { return }
        log.log(.info, "stopping", ["reason": .text(reason)])
        health.startDraining()
        supervision?.stopping()
        lifecycle.asyncAfter(deadline: .now() + settings.shutdownTimeout.dispatchInterval) {
            self.log.log(.warning, "stopped before everything was finished")
            self.exitNow()
        }
        lifecycle.asyncAfter(deadline: .now() + settings.drainDelay.dispatchInterval) {
            self.finish()
        }
    }

    /// Calls are completed first, since slow readers may take the rest of the time. Answers are
    /// sent before connections count as idle, and the last requests end before the store closes.
    private func finish() {
        server.stopAccepting()
        streams.drain()
        engine.drain()
        engine.whenQuiet {
            self.server.whenIdle {
                self.engine.whenQuiet {
                    self.store.close {
                        self.log.log(.info, "stopped")
                        self.exitNow()
                    }
                }
            }
        }
    }

    private func exitNow() -> Never {
        log.flush()
        exit(0)
    }
}
