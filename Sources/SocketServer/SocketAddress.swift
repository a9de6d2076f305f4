// Addresses: in the system's form, as a server reports its own, and as logs and quotas name a peer.

import Glibc

/// An IPv4 or IPv6 address with a port.
struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    var family: Int32 { Int32(storage.ss_family) }

    private init() {}

    private init(_ info: addrinfo) {
        length = info.ai_addrlen
        let bytes = UnsafeRawBufferPointer(start: info.ai_addr, count: Int(info.ai_addrlen))
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: bytes) }
    }

    /// The address that a socket is bound to.
    init(of socket: Int32) throws(SocketFailure) {
        self.init()
        let code = fill { getsockname(socket, $0, $1) }
        guard code == 0 else { throw .failed("getsockname", on: "the bound socket") }
    }

    /// The address that a socket is connected to.
    init(ofPeer socket: Int32) throws(SocketFailure) {
        self.init()
        let code = fill { getpeername(socket, $0, $1) }
        guard code == 0 else { throw .failed("getpeername", on: "a connection") }
    }

    private mutating func fill(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Int32 {
        var (storage, length) = (storage, length)
        defer { (self.storage, self.length) = (storage, length) }
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    /// All addresses of a host, each once: the address itself, or those of a name, unless names are
    /// not to be looked up.
    static func all(
        of host: String, port: Int, looksUpNames: Bool = true
    ) throws(SocketFailure) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV | (looksUpNames ? 0 : AI_NUMERICHOST)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(Self.withoutBrackets(host), String(port), &hints, &found)
        guard code == 0 else {
            throw .hostUnknown(host: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(found) }
        var addresses: [SocketAddress] = []
        var next = found
        while let info = next?.pointee {
            let address = SocketAddress(info)
            if !addresses.contains(where: { $0.bound == address.bound }) {
                addresses.append(address)
            }
            next = info.ai_next
        }
        return addresses
    }

    /// Also accepts an IPv6 address as in a URL (RFC 3986 3.2.2).
    private static func withoutBrackets(_ host: String) -> String {
        host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
    }

    /// The same address with another port.
    func with(port: Int) -> SocketAddress {
        var address = self
        let port = in_port_t(UInt16(clamping: port)).bigEndian
        withUnsafeMutableBytes(of: &address.storage) { bytes in
            // sin_port and sin6_port have the same offset.
            let offset = MemoryLayout<sockaddr_in>.offset(of: \sockaddr_in.sin_port)
            bytes.storeBytes(of: port, toByteOffset: offset ?? 2, as: in_port_t.self)
        }
        return address
    }

    /// The numeric address.
    var bound: BoundAddress {
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        // Fails only for other families.
        _ = withPointer {
            getnameinfo(
                $0, $1, &host, socklen_t(host.count), &service, socklen_t(service.count),
                NI_NUMERICHOST | NI_NUMERICSERV)
        }
        return BoundAddress(host: Self.text(host), port: Int(Self.text(service)) ?? 0)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    var isInternet: Bool { family == AF_INET || family == AF_INET6 }

    /// The first 64 bits of an IPv6 address; nil for one of another family.
    var ipv6Prefix: UInt64? {
        guard family == AF_INET6 else { return nil }
        let offset = MemoryLayout<sockaddr_in6>.offset(of: \sockaddr_in6.sin6_addr) ?? 8
        return withUnsafeBytes(of: storage) {
            UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    /// Whether only this machine can reach it (RFC 1122 3.2.1.3, RFC 4291 2.5.3).
    var isLoopback: Bool {
        let host = bound.host
        return host.hasPrefix("127.") || host == "::1" || host.hasPrefix("::ffff:127.")
    }

    /// Whether it means all addresses of this machine (RFC 1122 3.2.1.3, RFC 4291 2.5.2).
    var isWildcard: Bool { ["0.0.0.0", "::", "::ffff:0.0.0.0"].contains(bound.host) }

    func withPointer<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}

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

/// The address of a peer.
public struct PeerAddress: Hashable, Sendable {
    /// The longest text: an IPv6 address with the name of an interface.
    public static let textBytesMax = 64

    /// The numeric address, IPv4 always in its own form; `unix` for a Unix socket.
    public let text: String
    /// The unit of quotas: the address, or the first 64 bits of an IPv6 address, since a site has
    /// all addresses below them (RFC 6177 2).
    public let network: String

    private init(text: String, network: String) {
        self.text = text
        self.network = network
    }

    /// Nil if the peer has gone already.
    init?(of socket: Int32) {
        guard let address = try? SocketAddress(ofPeer: socket) else { return nil }
        guard address.isInternet else {
            self.init(text: "unix", network: "unix")
            return
        }
        let host = address.bound.host
        let mapping = "::ffff:"
        if host.hasPrefix(mapping), host.contains(".") {
            let inner = String(host.dropFirst(mapping.count))
            self.init(text: inner, network: inner)
        } else if let prefix = address.ipv6Prefix {
            self.init(text: host, network: String(prefix, radix: 16) + "/64")
        } else {
            self.init(text: host, network: host)
        }
    }
}
