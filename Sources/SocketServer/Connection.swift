// A loop's state of one connection. An idle connection has no buffer: bytes are read into and
// answers written from the loop's buffers, and only unfinished input and output moves here.

import HTTPWire

/// One accepted socket. Touched on its loop's queue only.
final class Connection {
    enum Phase {
        /// Reads requests, answers them at once. → waiting, finishing, lingering
        case open
        /// A request waits for its `.later` answer. → streaming, open, finishing
        case waiting
        /// An answer is sent in pieces. → open, finishing
        case streaming
        /// The last answer is written, but not completely sent. → lingering
        case finishing
        /// The server's side is shut; further input is dropped, so that the answer is not lost to a
        /// RST (RFC 9112 9.6). → closed
        case lingering
        /// Closed; must not be used any more.
        case closed
    }

    /// The reason for the deadline.
    enum Patience {
        case none
        case idle
        case head
        case content
        case write
        case silence
        case departure
        case linger
    }

    let descriptor: Descriptor
    let slot: Int
    /// Distinguishes this connection's events from those of the slot's earlier user.
    let token: UInt64
    var phase = Phase.open
    var machine = ConnectionMachine()
    /// Bytes received and not used yet: part of a head, or requests after the current one.
    var input: [UInt8] = []
    /// Content of the current request, if it is collected.
    var body: [UInt8] = []
    /// Bytes of answers that the socket did not accept yet.
    var unsent = OutputQueue()
    /// The newest piece of each subject of an answer, while it waits for the socket. Older pieces
    /// are skipped, so that a slow reader costs no more memory than these and `unsent`.
    var pending: [(subject: Int, piece: Content)] = []
    /// Whether the tally counts bytes of these two.
    var isKeeping = false
    /// The bytes of input that the tally has counted, and since when there is some.
    var inputCounted = 0
    var inputSince: Int64 = 0
    /// Called with the delivery of answers that are not sent yet.
    var receipts: [@Sendable (Delivery) -> Void] = []
    /// The current request, in the phases `waiting` and `streaming`.
    var exchangeID: UInt64 = 0
    var shape = AnswerShape(isHead: false, version: .http11, keepAlive: true)
    /// The events for which epoll watches.
    var watched: UInt32
    var patience = Patience.none
    /// On the loop's clock, in nanoseconds.
    var deadline = Int64.max
    /// When the pending answer is given up, after the peer has ended its sending.
    var departsAt = Int64.max
    /// How fast the peer takes its answers.
    var pace = Pace()
    /// Bytes dropped while lingering.
    var droppedBytes = 0
    /// Read on first use, since most requests do not need it.
    lazy var peer = PeerAddress(of: descriptor.number)
    /// True once a request has been delivered.
    var hasServed = false
    /// Whether it is over the limit, in a reserved place; counted separately.
    let isReserved: Bool

    init(
        _ descriptor: consuming Descriptor, slot: Int, token: UInt64, watched: UInt32,
        isReserved: Bool
    ) {
        self.descriptor = descriptor
        self.slot = slot
        self.token = token
        self.watched = watched
        self.isReserved = isReserved
    }

    /// Whether the handler still has to give an answer, or the rest of one.
    var isOwed: Bool { phase == .waiting || phase == .streaming }
    var hasUnsent: Bool { !unsent.isEmpty }
    /// The memory that its input uses.
    var inputBytes: Int { input.capacity + body.capacity }
}
