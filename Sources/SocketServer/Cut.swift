// How answers end that are not sent at once, and reports of connections that are cut off.

/// How the sending of an answer ended.
public enum Delivery: Equatable, Sendable {
    /// The kernel has accepted all of it.
    case whole
    /// The peer has closed the connection, or the server was stopped.
    case gone
    case cut(Cut)
}

/// A connection that the server cut off because of its cost.
public struct Cut: Equatable, Sendable {
    public enum Reason: String, CaseIterable, Sendable {
        /// The peer takes less than the lowest rate.
        case slow
        /// The connection would exceed its own bound of kept bytes.
        case share
        /// All connections together would keep too many bytes of answers, and this one kept the
        /// most for the longest time.
        case crowd
        /// The same for received bytes.
        case input
    }

    public var reason: Reason
    /// Bytes of answers that were not sent.
    public var unsentBytes: Int
    public var peer: PeerAddress?

    public init(reason: Reason, unsentBytes: Int, peer: PeerAddress? = nil) {
        self.reason = reason
        self.unsentBytes = unsentBytes
        self.peer = peer
    }
}
