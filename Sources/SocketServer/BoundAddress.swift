// The address on which a server listens, as the system reports it.

/// The bound address: if port 0 was requested, `port` is the one that the system chose.
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
