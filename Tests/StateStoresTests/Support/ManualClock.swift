// A clock that tests move.

import Locking
import StatusCore

@testable import StateStores

/// Time since boot, wall time and boot of an invented machine.
final class ManualClock: Sendable {
    private struct State {
        /// Both clocks are at the beginning of a bucket by which calls are counted.
        var sinceBoot = Instant(nanoseconds: 1_800_000_000_000)
        var wall = WallTime(milliseconds: 1_800_000_000_000)
        var bootID: String? = "boot-1"
    }

    private let state = Guarded(State())

    var storeClock: StoreClock {
        StoreClock(
            sinceBoot: { self.sinceBoot }, wall: { self.wall },
            bootID: { self.state.withLock { $0.bootID } })
    }

    var sinceBoot: Instant { state.withLock { $0.sinceBoot } }
    var wall: WallTime { state.withLock { $0.wall } }

    func advance(_ span: Duration) {
        state.withLock {
            $0.sinceBoot = $0.sinceBoot + span
            $0.wall = $0.wall + span
        }
    }

    func stepWall(_ span: Duration) { state.withLock { $0.wall = $0.wall + span } }

    func stepBoot(_ span: Duration) { state.withLock { $0.sinceBoot = $0.sinceBoot + span } }

    /// The machine was down for that long, and has just started.
    func reboot(after span: Duration, as bootID: String?) {
        state.withLock {
            $0.sinceBoot = Instant(nanoseconds: 5_000_000_000)
            $0.wall = $0.wall + span
            $0.bootID = bootID
        }
    }
}
