// The work that waits for the engine, by kind, and its order: no kind of work waits for all of
// another kind, and no request for all questions of another request.

import DequeModule
import StatusAPI
import StatusCore

/// The questions of one request.
final class AskedQuestions: Sendable {
    /// The number of the first question's caller; the others follow in order.
    let first: UInt64
    let questions: [Question]
    let trace: TraceParent?
    let askedAt: Instant
    /// Called on the engine's queue, once for each question unless the request is withdrawn.
    let reply: @Sendable (_ index: Int, Reply) -> Void

    init(
        first: UInt64, _ questions: [Question], trace: TraceParent?, askedAt: Instant,
        reply: @escaping @Sendable (_ index: Int, Reply) -> Void
    ) {
        self.first = first
        self.questions = questions
        self.trace = trace
        self.askedAt = askedAt
        self.reply = reply
    }

    func caller(_ index: Int) -> CallerID { CallerID(first + UInt64(index)) }
    func index(of caller: CallerID) -> Int { Int(caller.number - first) }
}

/// Divides the engine's work into turns.
///
/// A turn takes a bounded number of pieces of each kind. Reports of upstreams, the store and timers
/// come first, then questions, then the rest. Questions of single requests and of batches
/// alternate, and batches are served round robin, one question at a time. Work that arrives during
/// a turn waits for the next.
struct EngineBacklog {
    typealias OverviewReply = @Sendable ([SourceOverview]) -> Void

    /// One piece of work.
    enum Piece {
        /// An upstream's answer, a store's reply, a timer, a command.
        case report(@Sendable () -> Void)
        case question(AskedQuestions, index: Int)
        case explanation(CallerID, ActionID)
        /// One overview for all requests that wait for it.
        case overview([OverviewReply])
        case departure(CallerID)
        case reply(CallerID, Reply)
    }

    /// The number of pieces of each kind in a turn: together a few milliseconds of work.
    struct Share {
        var reports = 64
        var questions = 64
        var explanations = 16
        var overviews = 256
        var departures = 256
        var replies = 256
    }

    /// While that many store look-ups are under way, batches and explanations wait here, in fair
    /// order, and not in the store.
    static let lookUpsMax = 128
    /// The longest time that they wait for a slow store.
    static let lookUpPatience = Duration.seconds(1)

    private var reports: Deque<@Sendable () -> Void> = []
    private var singles: Deque<AskedQuestions> = []
    private var batches: Deque<AskedQuestions> = []
    /// The index of the next question of each waiting request, by its first caller.
    private var next: [UInt64: Int] = [:]
    private var overviews: Deque<OverviewReply> = []
    private var explanations: Deque<(caller: CallerID, id: ActionID, askedAt: Instant)> = []
    private var departures: Deque<CallerID> = []
    private var replies: Deque<(CallerID, Reply)> = []

    /// The pieces that the current turn may still take.
    private var left = Share()
    private var isBatchesTurn = false

    // MARK: What comes

    mutating func add(report: @escaping @Sendable () -> Void) { reports.append(report) }

    mutating func add(_ asked: AskedQuestions) {
        guard !asked.questions.isEmpty else { return }
        next[asked.first] = 0
        if asked.questions.count == 1 { singles.append(asked) } else { batches.append(asked) }
    }

    mutating func add(explanationOf id: ActionID, to caller: CallerID, askedAt: Instant) {
        explanations.append((caller, id, askedAt))
    }

    mutating func add(overviewTo reply: @escaping OverviewReply) { overviews.append(reply) }

    /// Handles a caller's departure: waiting questions are dropped, and asked ones are withdrawn.
    mutating func add(departureOf asked: AskedQuestions) {
        let count = next.removeValue(forKey: asked.first) ?? asked.questions.count
        for index in 0..<count { departures.append(asked.caller(index)) }
    }

    mutating func add(reply: Reply, to caller: CallerID) { replies.append((caller, reply)) }

    // MARK: What is taken

    mutating func beginTurn() { left = Share() }

    /// The turn's next piece of work; nil when the turn is over. `lookUps`: the number of store
    /// look-ups under way.
    mutating func take(lookUps: Int, now: Instant) -> Piece? {
        if let report = Self.pop(&reports, &left.reports) { return .report(report) }
        if left.questions > 0, let (asked, index) = takeQuestion(lookUps, now) {
            left.questions -= 1
            return .question(asked, index: index)
        }
        if mayLookUp(lookUps, since: explanations.first?.askedAt, now),
            let (caller, id, _) = Self.pop(&explanations, &left.explanations)
        {
            return .explanation(caller, id)
        }
        if left.overviews > 0, !overviews.isEmpty {
            let replies = Array(overviews.prefix(left.overviews))
            overviews.removeFirst(replies.count)
            left.overviews = 0
            return .overview(replies)
        }
        if let caller = Self.pop(&departures, &left.departures) { return .departure(caller) }
        return Self.pop(&replies, &left.replies).map { .reply($0, $1) }
    }

    private static func pop<Element>(_ queue: inout Deque<Element>, _ left: inout Int) -> Element? {
        guard left > 0, let first = queue.popFirst() else { return nil }
        left -= 1
        return first
    }

    private mutating func takeQuestion(
        _ lookUps: Int, _ now: Instant
    ) -> (AskedQuestions, index: Int)? {
        dropWithdrawn()
        let mayTakeBatch = mayLookUp(lookUps, since: batches.first?.askedAt, now)
        isBatchesTurn = mayTakeBatch && (singles.isEmpty || !isBatchesTurn)
        guard let asked = isBatchesTurn ? batches.popFirst() : singles.popFirst(),
            let index = next[asked.first]
        else { return nil }
        if index + 1 < asked.questions.count {
            next[asked.first] = index + 1
            batches.append(asked)
        } else {
            next[asked.first] = nil
        }
        return (asked, index)
    }

    private mutating func dropWithdrawn() {
        while let asked = singles.first, next[asked.first] == nil { singles.removeFirst() }
        while let asked = batches.first, next[asked.first] == nil { batches.removeFirst() }
    }

    private func mayLookUp(_ lookUps: Int, since: Instant?, _ now: Instant) -> Bool {
        guard let since else { return false }
        return lookUps < Self.lookUpsMax || now >= since + Self.lookUpPatience
    }

    // MARK: What is left

    /// Whether another turn would find work.
    func isReady(lookUps: Int, now: Instant) -> Bool {
        if !reports.isEmpty || !singles.isEmpty || !departures.isEmpty || !replies.isEmpty
            || !overviews.isEmpty
        {
            return true
        }
        return mayLookUp(lookUps, since: batches.first?.askedAt, now)
            || mayLookUp(lookUps, since: explanations.first?.askedAt, now)
    }

    /// When the patience of work that waits for a less busy store ends; nil: there is none.
    var patienceEndsAt: Instant? {
        let oldest = [batches.first?.askedAt, explanations.first?.askedAt].compactMap { $0 }.min()
        return oldest.map { $0 + Self.lookUpPatience }
    }
}
