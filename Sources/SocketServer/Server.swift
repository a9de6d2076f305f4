// The server as a whole: binds, starts the loops, counts, drains, stops.

import Dispatch

/// An HTTP/1.1 server on one port or path.
public final class Server: Sendable {
    /// The bound addresses: several for a name with several addresses.
    public let addresses: [BoundAddress]
    private let loops: [EventLoop]
    private let tally: Tally

    /// Binds and listens; connections wait in the kernel until `start()`.
    public init(
        _ configuration: ServerConfiguration, handler: any RequestHandler
    ) throws(SocketFailure) {
        let listeners = try Listener.all(configuration)
        addresses = listeners.map(\.address)
        tally = Tally(configuration)
        var loops: [EventLoop] = []
        for index in 0..<configuration.loops {
            loops.append(try EventLoop(index, configuration, handler, tally))
        }
        self.loops = loops
        // A Unix socket has one listener: its loop distributes connections.
        let isUnix = address.host.hasPrefix("unix:")
        loops[0].listen(on: listeners, handingTo: isUnix ? loops : [])
        for loop in loops.dropFirst() {
            var others: [Listener] = []
            for listener in listeners {
                if let other = try listener.another() { others.append(other) }
            }
            loop.listen(on: others, handingTo: [])
        }
    }

    /// The first of the addresses.
    public var address: BoundAddress { addresses[0] }

    public func start() {
        for loop in loops { loop.siblings = loops }
        for loop in loops { loop.start() }
    }

    /// Calls `done` when every loop has taken a turn; never, if one hangs.
    public func whenAllHaveTurned(_ done: @escaping @Sendable () -> Void) {
        let group = DispatchGroup()
        for loop in loops {
            group.enter()
            loop.post { group.leave() }
        }
        group.notify(queue: .global(), execute: done)
    }

    /// Accepts the connections that wait in the kernel, then no more. Requests under way are
    /// answered, with `Connection: close`; connections between requests are closed.
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

    /// The current figures.
    public var figures: ServerFigures {
        ServerFigures(
            connections: tally.count, keptOutputBytes: tally.output.count,
            keptInputBytes: tally.input.count)
    }

    /// The number of open connections, without those over the limit.
    public var connectionCount: Int { tally.count }
}

/// A server's current load.
public struct ServerFigures: Sendable {
    /// Without those over the limit.
    public var connections: Int
    /// Bytes of answers that are kept for peers that have not taken them.
    public var keptOutputBytes: Int
    /// Bytes that were received and are not used yet.
    public var keptInputBytes: Int

    public init(connections: Int = 0, keptOutputBytes: Int = 0, keptInputBytes: Int = 0) {
        self.connections = connections
        self.keptOutputBytes = keptOutputBytes
        self.keptInputBytes = keptInputBytes
    }
}
