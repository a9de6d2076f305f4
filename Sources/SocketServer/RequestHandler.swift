// The interface between the server and the code that answers: one call for each request, one answer
// for each call.

public import HTTPWire

/// Answers requests.
public protocol RequestHandler: Sendable {
    /// Called on the connection's loop queue, once for each request. Its content has been read
    /// already, and is in `body` if the server collects bodies.
    ///
    /// Either writes the whole answer and returns `.answered`, or keeps `exchange` and returns
    /// `.later`. Must not block: all connections of the loop wait.
    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling

    /// Whether a request is answered even at the limit of connections. Called on the loop's queue.
    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool

    /// The peer went away, or the server was stopped, before the `.later` answer was given, or
    /// before an answer in pieces was ended. Called on the loop's queue.
    ///
    /// A peer that ends its sending has gone away unless its answer comes within
    /// `ServerConfiguration.departureGrace`.
    func abandoned(_ exchange: Exchange)
}

/// How a request was handled.
public enum Handling: Sendable {
    case answered
    case later
}

/// Identifies one request under way; unique for the life of its server.
public struct Exchange: Hashable, Sendable, CustomStringConvertible {
    /// The loop's number in the top 16 bits, then a count.
    public let id: UInt64
    let slot: Int
    let loop: EventLoop

    /// The number of its loop, from 0, for data that is kept separately for each loop.
    public var loopIndex: Int { Int(id >> 48) }

    /// The peer's address; nil if the peer has gone, or its connection has no place. Only while the
    /// request is being handled, on the loop's queue.
    public var peer: PeerAddress? { loop.peer(at: slot) }

    /// Answers. From any queue; ignored if the peer has gone or has its answer.
    public func respond(_ response: Response) {
        respond { $0.write(response) }
    }

    /// Answers by writing on the loop's queue. Ignored if the peer is gone or has its answer.
    public func respond(_ write: @escaping @Sendable (inout ResponseWriter) -> Void) {
        loop.post { loop.respond(to: self, write) }
    }

    /// Calls `receipt` once, when everything written for the connection so far has been passed to
    /// the kernel, or can no longer be. Only on the loop's queue: in `handle`, or while an answer
    /// is written. The receipt runs there, too.
    public func whenDelivered(_ receipt: @escaping @Sendable (Delivery) -> Void) {
        loop.whenDelivered(self, receipt)
    }

    /// Runs `work` on the queue of the exchange's loop, in order with answers. From any queue.
    public func perform(_ work: @escaping @Sendable () -> Void) { loop.post(work) }

    /// Begins an answer in pieces: `head` has status and fields. For HEAD that is all; otherwise
    /// pieces follow, and the end. All three may be called from any queue, and take effect in the
    /// order of the calls; they are ignored if the peer has gone or has its answer.
    public func beginStream(_ head: Response) {
        loop.post { loop.beginStream(self, head) }
    }

    /// Sends a piece, which `piece` makes on the loop's queue. A slow peer gets only the newest
    /// piece of each subject; `piece` is passed the unsent piece that it replaces.
    public func send(
        on subject: Int = 0, _ piece: @escaping @Sendable (_ unsent: Content?) -> Content
    ) {
        loop.post { loop.sendPiece(self, on: subject, piece) }
    }

    /// Ends an answer in pieces, after its remaining bytes.
    public func endStream() {
        loop.post { loop.endStream(self) }
    }

    /// Closes the connection with a RST instead of an answer.
    public func reset() {
        loop.post { loop.reset(self) }
    }

    public static func == (a: Exchange, b: Exchange) -> Bool {
        a.id == b.id && a.loop === b.loop
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(id)
    }

    public var description: String { "exchange \(id >> 48)-\(id & 0xFFFF_FFFF_FFFF)" }
}

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
