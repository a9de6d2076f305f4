// How answers end that are not sent at once, and what operators should know of those that are cut off.

/// What became of an answer.
public enum Delivery: Equatable, Sendable {
    /// The kernel has all of it.
    case whole
    /// The peer has closed the connection, or the server was stopped.
    case gone
    case cut(Cut)
}

/// A connection that the server closed for what it would have cost.
public struct Cut: Equatable, Sendable {
    public enum Reason: String, CaseIterable, Sendable {
        /// The peer takes less than the least rate.
        case slow
        /// It would keep more than one connection may.
        case share
        /// All connections together would keep too much of their answers, and it kept most for longest.
        case crowd
        /// The same of what was received.
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
