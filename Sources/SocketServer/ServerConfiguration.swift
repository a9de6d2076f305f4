// What a server is told at its start.

internal import CLinux
public import HTTPWire

/// Where to listen, how much to take, how long to wait.
public struct ServerConfiguration: Sendable {
    /// An IPv4 or IPv6 address, in brackets or not; a name, for all its addresses; or `unix:/path`.
    public var host: String
    /// 0: any free one.
    public var port: Int
    /// Event loops, each with a queue of its own.
    public var loops: Int
    /// The mode of a Unix socket's file: who may write it may connect.
    public var fileMode: UInt32 = 0o660
    /// Over all loops. For one more the connection that has idled longest is closed; without one,
    /// health checks are answered, and other requests get `overloadedResponse` and a close.
    public var connectionsMax = 10_000
    /// A connection on which nothing has been asked yet is not idle before that.
    public var firstRequestGrace = Duration.seconds(1)
    /// A peer that ends its sending while its answer is owed has gone, unless the answer comes within
    /// that.
    public var departureGrace = Duration.milliseconds(500)
    /// A connection without a request under way is closed after that.
    public var idleTimeout = Duration.seconds(75)
    /// A head must be complete that long after its first byte: 408.
    public var headerTimeout = Duration.seconds(10)
    /// Content must be complete that long after its head: 408.
    public var bodyTimeout = Duration.seconds(30)
    /// A peer that is owed bytes and, over that long, takes neither all of them nor
    /// `leastBytesPerSecond` is cut off. Bytes count as taken when its kernel has them, not when ours
    /// has.
    public var writeTimeout = Duration.seconds(30)
    /// The same from `stopAccepting()` on.
    public var drainWriteTimeout = Duration.seconds(5)
    public var leastBytesPerSecond = 4096
    /// After a close that we began, the peer may go on sending for that long (RFC 9112 9.6).
    public var lingerTimeout = Duration.seconds(2)
    /// Sent on an answer in pieces after a silence, so that nobody in between takes it for dead, and
    /// a peer that is gone is found out; empty: nothing is sent.
    public var heartbeat: [UInt8] = []
    public var heartbeatInterval = Duration.seconds(13)
    /// Content is handed to the handler instead of being dropped.
    public var collectsBodies = false
    public var wireLimits = WireLimits()
    /// Unsent bytes of answers over which no further request of a connection is read.
    public var unsentBytesMax = 64 * 1024
    /// Bytes of answers kept for peers that do not take them, over all connections; what several are
    /// sent counts once. Beyond it those are cut off that have kept most for the longest without
    /// taking `leastBytesPerSecond`; if there is none, the connection that would go over it.
    public var keptBytesMax = 64 << 20
    /// One connection's share of it, more than the largest answer. Who would go over it is cut off.
    public var keptBytesPerConnectionMax = 32 << 20
    /// Bytes received and not used yet, over all connections: of unfinished heads and contents, and
    /// behind a request that waits for its answer. Beyond it those go that have kept most for the
    /// longest: unfinished requests get `overloadedResponse`, the others are cut off.
    public var inputBytesMax = 32 << 20
    /// What one connection may send behind a request that waits for its answer; who sends more is cut off.
    public var inputBytesPerConnectionMax = 256 * 1024
    /// Content of that size is sent as the handler keeps it, not copied.
    public var sharedBytesMin = 64 * 1024
    public var overloadedResponse = Response(status: 503)
    /// The answer to a request that breaks the protocol. Runs on a loop's queue.
    public var refusal:
        @Sendable (_ status: Int, _ reason: String, _ peer: PeerAddress?) -> Response = {
            status, _, _ in Response(status: status)
        }

    /// Told when there is no descriptor for another connection, and when there is again. On a
    /// loop's queue.
    public var exhaustionHandler: @Sendable (ResourceExhaustion) -> Void = { _ in }

    /// Told of each connection that is cut off. On a loop's queue.
    public var cutHandler: @Sendable (Cut) -> Void = { _ in }

    /// Told of each connection that gets no place. On a loop's queue.
    public var turnedAwayHandler: @Sendable (TurnedAway) -> Void = { _ in }

    public init(host: String = "127.0.0.1", port: Int = 0, loops: Int = Self.processors) {
        self.host = host
        self.port = port
        self.loops = max(1, loops)
    }

    /// Whether `host` has loopback addresses only. Looks a name up.
    public var isLoopback: Bool {
        guard !host.hasPrefix("unix:"),
            let addresses = try? SocketAddress.all(of: host, port: port)
        else { return false }
        return !addresses.isEmpty && addresses.allSatisfy(\.isLoopback)
    }

    /// Whether `host` stands for all addresses of this machine, however it is written.
    public var isWildcard: Bool {
        let addresses = try? SocketAddress.all(of: host, port: port, looksUpNames: false)
        return addresses?.contains(where: \.isWildcard) == true
    }

    /// Processors that this process may run on.
    public static var processors: Int { max(1, Int(linux_usable_processors())) }
}
