// Where a server listens, once the system has said so.

/// The address that was bound: with port 0 asked for, `port` is the one that was given.
public struct BoundAddress: Equatable, Sendable, CustomStringConvertible {
    /// A numeric address, or `unix:/path`.
    public var host: String
    /// 0 for a Unix socket.
    public var port: Int

    public init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// "http://127.0.0.1:8080", "http://[::1]:8080" or "unix:/path".
    public var description: String {
        if host.hasPrefix("unix:") { return host }
        return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
    }
}
