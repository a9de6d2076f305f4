// Who is at the other end of a connection, as logs name it and quotas count it.

/// The address of a peer.
public struct PeerAddress: Hashable, Sendable {
    /// Of a text: an IPv6 address with the name of an interface.
    public static let textBytesMax = 64

    /// In numbers, IPv4 always in its own form; `unix` for the peer of a Unix socket.
    public let text: String
    /// What is one for quotas: the address, or of IPv6 its first 64 bits, since whoever has one of the
    /// addresses behind them has all (RFC 6177 2).
    public let network: String

    private init(text: String, network: String) {
        self.text = text
        self.network = network
    }

    /// Nil when the peer has gone already.
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
