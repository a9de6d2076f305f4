// The address of a connection's peer, for logs and quotas.

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
