// The configuration of a server.

internal import CLinux
public import HTTPWire

/// Addresses, limits and time-outs of a server.
public struct ServerConfiguration: Sendable {
    /// An IPv4 or IPv6 address, in brackets or not; a name, for all its addresses; or `unix:/path`.
    public var host: String
    /// 0: any free port.
    public var port: Int
    /// The number of event loops, each with its own queue.
    public var loops: Int
    /// The mode of a Unix socket's file: whoever may write it may connect.
    public var fileMode: UInt32 = 0o660
    /// The limit over all loops. A further connection replaces the one that has been idle longest;
    /// if none is idle, health checks are answered, and other requests get `overloadedResponse` and
    /// a close.
    public var connectionsMax = 10_000
    /// How long a connection without a request does not count as idle.
    public var firstRequestGrace = Duration.seconds(1)
    /// How long an answer may take after its peer has ended its sending. Then the peer counts as
    /// gone.
    public var departureGrace = Duration.milliseconds(500)
    /// How long a connection may be idle.
    public var idleTimeout = Duration.seconds(75)
    /// The time for a head, from its first byte: 408.
    public var headerTimeout = Duration.seconds(10)
    /// The time for content, from the end of its head: 408.
    public var bodyTimeout = Duration.seconds(30)
    /// A peer that, over this time, takes neither all pending bytes nor `leastBytesPerSecond` is
    /// cut off. Bytes count as taken when the peer's kernel has acknowledged them.
    public var writeTimeout = Duration.seconds(30)
    /// The same from `stopAccepting()` on.
    public var drainWriteTimeout = Duration.seconds(5)
    public var leastBytesPerSecond = 4096
    /// How long the peer may keep sending after the server has begun to close (RFC 9112 9.6).
    public var lingerTimeout = Duration.seconds(2)
    /// Sent on an answer in pieces after a silence, so that intermediaries keep it open and a
    /// departed peer is detected; empty: nothing is sent.
    public var heartbeat: [UInt8] = []
    public var heartbeatInterval = Duration.seconds(13)
    /// Whether content is passed to the handler instead of being dropped.
    public var collectsBodies = false
    public var wireLimits = WireLimits()
    /// The number of unsent bytes above which no further request of a connection is read.
    public var unsentBytesMax = 64 * 1024
    /// The limit of bytes of answers kept for slow peers, over all connections; shared content
    /// counts once. Beyond it, connections with the most bytes for the longest time below
    /// `leastBytesPerSecond` are cut off; if there are none, the connection that would exceed the
    /// limit.
    public var keptBytesMax = 64 << 20
    /// The limit for one connection, more than the largest answer. A connection that would exceed
    /// it is cut off.
    public var keptBytesPerConnectionMax = 32 << 20
    /// The limit of bytes received and not used yet, over all connections: unfinished heads and
    /// contents, and input behind a request that waits for its answer. Beyond it, connections with
    /// the most bytes for the longest time are closed: unfinished requests get
    /// `overloadedResponse`, the others are cut off.
    public var inputBytesMax = 32 << 20
    /// The limit of input behind a request that waits for its answer; a connection that exceeds it
    /// is cut off.
    public var inputBytesPerConnectionMax = 256 * 1024
    /// Content of at least this size is sent without a copy.
    public var sharedBytesMin = 64 * 1024
    public var overloadedResponse = Response(status: 503)
    /// The answer to a request that violates HTTP. Runs on a loop's queue.
    public var refusal:
        @Sendable (_ status: Int, _ reason: String, _ peer: PeerAddress?) -> Response = {
            status, _, _ in Response(status: status)
        }

    /// Called when there is no descriptor for another connection, and when there is one again. On a
    /// loop's queue.
    public var exhaustionHandler: @Sendable (ResourceExhaustion) -> Void = { _ in }

    /// Called for each connection that is cut off. On a loop's queue.
    public var cutHandler: @Sendable (Cut) -> Void = { _ in }

    /// Called for each rejected connection. On a loop's queue.
    public var connectionRefusedHandler: @Sendable (ConnectionRefusal) -> Void = { _ in }

    public init(host: String = "127.0.0.1", port: Int = 0, loops: Int = Self.processors) {
        self.host = host
        self.port = port
        self.loops = max(1, loops)
    }

    /// Whether `host` has loopback addresses only. A name is looked up.
    public var isLoopback: Bool {
        guard !host.hasPrefix("unix:"),
            let addresses = try? SocketAddress.all(of: host, port: port)
        else { return false }
        return !addresses.isEmpty && addresses.allSatisfy(\.isLoopback)
    }

    /// Whether `host` means all addresses of this machine, in any spelling.
    public var isWildcard: Bool {
        let addresses = try? SocketAddress.all(of: host, port: port, looksUpNames: false)
        return addresses?.contains(where: \.isWildcard) == true
    }

    /// The number of processors that this process may run on.
    public static var processors: Int { max(1, Int(linux_usable_processors())) }
}

/// The process has too few descriptors, or the kernel too little memory, for one more connection.
public enum ResourceExhaustion: Equatable, Sendable {
    /// Connections wait in the kernel; one at a time is accepted and refused.
    case began(errno: Int32)
    case ended
}

/// Why a connection was rejected.
public enum ConnectionRefusal: Equatable, Sendable {
    /// Over the limit of connections: 503.
    case overLimit
    /// Over the limit together with so many others that it was closed before it was read.
    case unread
    /// There is no descriptor for it: 503.
    case noDescriptor
}
