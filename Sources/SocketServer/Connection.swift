// What a loop knows of one peer. An idle one holds no buffer: bytes are read into and answers
// written from the loop's own, and only what is left over moves here.

import HTTPWire

/// One accepted socket. Touched on its loop's queue only.
final class Connection {
    enum Phase {
        /// Reads requests, answers them at once. → waiting, finishing, lingering
        case open
        /// A request waits for its `.later` answer. → streaming, open, finishing
        case waiting
        /// An answer goes out in pieces. → open, finishing
        case streaming
        /// The last answer is written, not all of it sent. → lingering
        case finishing
        /// Our side is shut; what the peer still sends is dropped, so that our answer is not lost
        /// to a RST (RFC 9112 9.6). → closed
        case lingering
        /// Gone; nothing may be done with it.
        case closed
    }

    /// What the deadline is for.
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
    /// Tells this connection's events from those of the slot's earlier user.
    let token: UInt64
    var phase = Phase.open
    var machine = ConnectionMachine()
    /// Bytes received and not used up: part of a head, or requests behind the one under way.
    var input: [UInt8] = []
    /// Content of the request under way, when it is collected.
    var body: [UInt8] = []
    /// Bytes of answers that the socket would not take yet.
    var unsent = OutputQueue()
    /// The newest piece of each subject of an answer, while they wait for the socket: older ones are
    /// skipped, so that a slow reader costs no more memory than these and what is unsent.
    var pending: [(subject: Int, piece: Content)] = []
    /// The two stand in the tally.
    var isKeeping = false
    /// How much of its input the tally has counted, and since when there is some.
    var inputCounted = 0
    var inputSince: Int64 = 0
    /// Told what becomes of answers that are not sent yet.
    var receipts: [@Sendable (Delivery) -> Void] = []
    /// The request under way, in the phases `waiting` and `streaming`.
    var exchangeID: UInt64 = 0
    var shape = AnswerShape(isHead: false, version: .http11, keepAlive: true)
    /// What epoll watches for now.
    var watched: UInt32
    var patience = Patience.none
    /// On the loop's clock, in nanoseconds.
    var deadline = Int64.max
    /// When the answer that is owed is given up, since the peer has ended its sending.
    var departsAt = Int64.max
    /// How fast the peer takes what it is owed.
    var pace = Pace()
    /// Bytes dropped while lingering.
    var droppedBytes = 0
    /// Asked of the kernel when it is wanted first: most requests need it not.
    lazy var peer = PeerAddress(of: descriptor.number)
    /// True once a request has been delivered.
    var hasServed = false
    /// Over the limit, in a reserved place; counted apart.
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

    /// The handler owes an answer, or the rest of one.
    var isOwed: Bool { phase == .waiting || phase == .streaming }
    var hasUnsent: Bool { !unsent.isEmpty }
    /// What its input takes in memory.
    var inputBytes: Int { input.capacity + body.capacity }
}
