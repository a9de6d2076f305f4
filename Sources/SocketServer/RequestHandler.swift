// The interface between the server and what answers: one call a request, one answer a call.

public import HTTPWire

/// Answers requests.
public protocol RequestHandler: Sendable {
    /// Called on the connection's loop queue, once a request; its content has been read already,
    /// and is in `body` when the server collects bodies.
    ///
    /// Either writes the whole answer and returns `.answered`, or keeps `exchange` and returns
    /// `.later`. Must not block: all connections of the loop wait.
    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling

    /// Whether a request is answered although there are as many connections as there may be. On the
    /// loop's queue.
    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool

    /// The peer went away, or the server was stopped, before the `.later` answer was given, or
    /// before an answer in pieces was ended. On the loop's queue.
    ///
    /// A peer that ends its sending has gone away unless its answer comes within
    /// `ServerConfiguration.departureGrace`.
    func abandoned(_ exchange: Exchange)
}

/// What became of a request.
public enum Handling: Sendable {
    case answered
    case later
}

/// Names one request under way; unique for the life of its server.
public struct Exchange: Hashable, Sendable, CustomStringConvertible {
    /// The loop's number in the top 16 bits, then a count.
    public let id: UInt64
    let slot: Int
    let loop: EventLoop

    /// The number of the loop that it came in on, from 0: whoever keeps something per loop can do so
    /// without meeting other loops.
    public var loopIndex: Int { Int(id >> 48) }

    /// Who asks; nil when the peer has gone, or its connection has no place of its own. Only while the
    /// request is being handled, on the loop's queue.
    public var peer: PeerAddress? { loop.peer(at: slot) }

    /// Answers. From any queue; ignored if the peer is gone or has its answer.
    public func respond(_ response: Response) {
        respond { $0.write(response) }
    }

    /// Answers by writing on the loop's queue. Ignored if the peer is gone or has its answer.
    public func respond(_ write: @escaping @Sendable (inout ResponseWriter) -> Void) {
        loop.post { loop.respond(to: self, write) }
    }

    /// Has `receipt` called once, when what has been written for the connection so far has been
    /// handed to the kernel, or when that will never be. Only on the loop's queue: in `handle`, or
    /// while an answer is written. The receipt runs there, too.
    public func whenDelivered(_ receipt: @escaping @Sendable (Delivery) -> Void) {
        loop.whenDelivered(self, receipt)
    }

    /// Has `work` done on the queue of the exchange's loop, in order with answers. From any queue.
    public func perform(_ work: @escaping @Sendable () -> Void) { loop.post(work) }

    /// Begins an answer in pieces: `head` has status and fields. To HEAD that is all; else pieces
    /// follow, and the end. All three may be called from any queue, and take effect in the order of
    /// the calls; they are ignored if the peer is gone or has its answer.
    public func beginStream(_ head: Response) {
        loop.post { loop.beginStream(self, head) }
    }

    /// Sends a piece, made on the loop's queue. A peer that is behind gets the newest piece of each
    /// subject only; `piece` gets the one that it replaces, which the peer will not get.
    public func send(
        on subject: Int = 0, _ piece: @escaping @Sendable (_ unsent: Content?) -> Content
    ) {
        loop.post { loop.sendPiece(self, on: subject, piece) }
    }

    /// Ends an answer in pieces, after what is still to be sent of it.
    public func endStream() {
        loop.post { loop.endStream(self) }
    }

    /// Drops the connection with a RST instead of an answer.
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
