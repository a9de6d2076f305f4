// The room's front door: binds, starts the loops, counts, drains, stops.

import Dispatch

/// An HTTP/1.1 server on one address.
public final class Server: Sendable {
    /// What was bound.
    public let address: BoundAddress
    private let loops: [EventLoop]
    private let tally: Tally

    /// Binds and listens; connections wait in the kernel until `start()`.
    public init(
        _ configuration: ServerConfiguration, handler: any RequestHandler
    ) throws(SocketFailure) {
        let first = try Listener(host: configuration.host, port: configuration.port)
        address = first.address
        tally = Tally(configuration)
        var loops: [EventLoop] = []
        for index in 0..<configuration.loops {
            loops.append(try EventLoop(index, configuration, handler, tally))
        }
        self.loops = loops
        // A Unix socket has one listener: its loop hands connections round.
        let isUnix = address.host.hasPrefix("unix:")
        loops[0].listen(on: first, handingTo: isUnix ? loops : [])
        for loop in isUnix ? [] : loops.dropFirst() {
            loop.listen(on: try Listener(sharing: address), handingTo: [])
        }
    }

    public func start() {
        for loop in loops { loop.start() }
    }

    /// Takes what waits in the kernel, then nothing new. Requests under way are answered, with
    /// `Connection: close`; connections between requests are closed.
    public func stopAccepting() {
        for loop in loops { loop.post { loop.stopAccepting() } }
    }

    /// Calls `done` once, when no connection is left after `stopAccepting()`. On any queue.
    public func whenIdle(_ done: @escaping @Sendable () -> Void) {
        tally.whenIdle(done)
    }

    /// Closes everything now. Requests under way are abandoned.
    public func stop(_ done: @escaping @Sendable () -> Void) {
        let group = DispatchGroup()
        for loop in loops {
            group.enter()
            loop.post { loop.stop { group.leave() } }
        }
        group.notify(queue: .global(), execute: done)
    }

    /// Connections that are open, those over the limit left out.
    public var connectionCount: Int { tally.count }
}
