// What is known of one upstream as a whole: what keeps it from being called, and who wants it.

/// Known actions and others queue apart: others may use half of each budget only, and of them those
/// that have read as 404 half of that (invariant 7).
enum Lane: CaseIterable, Sendable {
    case known
    /// Never answered for; its first look-up is still to come, or came to nothing.
    case unknown
    /// Answered with a 404 and nothing else.
    case notFound
}

/// Where a look queues. Unknown ids that one request asks for together stand apart from those asked for
/// singly, so that a request for many does not delay a request for one.
struct Line: Hashable, Sendable {
    var lane: Lane
    var isTogether = false

    static let all =
        Lane.allCases.map { Line(lane: $0) }
        + [.unknown, .notFound].map { Line(lane: $0, isTogether: true) }
}

/// One upstream that is on.
struct UpstreamState: Sendable {
    /// Flights between their start and their grant: few, so that the queue's order counts.
    static let startingMax = 32
    /// Calls on their way at once; the next look waits in the queue for one of them to end. Fewer
    /// than a transport takes: one that it refuses costs all of them a second.
    static let callingMax = 1000
    /// Flights under way for unknown ids that were asked for together: half of what may start at once.
    static let togetherMax = startingMax / 2

    var policy: SourcePolicy
    var breaker = Breaker()
    var starting = 0
    /// Calls on their way.
    var calling = 0
    /// Flights for unknown ids that were asked for together.
    private(set) var together = 0
    /// Of unknown ids, those asked for together have the next turn.
    var isTogethersTurn = false
    private var queues: [Line: WantQueue] = [:]
    private var closed: [Lane: (kind: BudgetKind, until: Instant)] = [:]
    /// Key holders that have used up their part of what unknown ids may use.
    private var closedHolders: [String: (kind: BudgetKind, until: Instant)] = [:]

    /// How long the upstream's word on calls left counts when it does not say.
    static let callsLeftSpan = Duration.seconds(60)

    /// What the store said when it was last asked for a call.
    var budgetLeft: BudgetLeft?

    /// The published answers that tell of an obstacle.
    var published = BlockedPublications()

    /// The wake that is already in the queue.
    var wakeAt = Instant.distantPast

    private var pausedUntil = Instant.distantPast
    /// After a pause one call goes first, to see whether the upstream has still had enough; after a
    /// shortage of our own, to see whether there is enough for it.
    private var probing: Probing?

    private struct Probing {
        /// Only a flight that began from then on can tell.
        var from: Instant
        /// What there was until then, as far as those know who wait for the flight.
        var obstacle: Obstacle
        var flight: UInt64?
    }
    private var quarantinedUntil = Instant.distantPast
    private var ourTrouble: (fault: UpstreamFault, until: Instant)?
    /// Calls that the upstream itself has said are left, and for how long that counts.
    private var upstreamLeft: CallsLeft?

    private struct CallsLeft {
        var known: Int
        /// Of them, what other ids than known ones may use, and of that those that have read as 404.
        var unknown: Int
        var notFound: Int
        var until: Instant
        /// Until then an answer can only lower their share: what they have used is not left to them.
        var unknownUntil: Instant

        subscript(lane: Lane) -> Int {
            switch lane {
            case .known: known
            case .unknown: min(known, unknown)
            case .notFound: min(known, unknown, notFound)
            }
        }
    }

    init(policy: SourcePolicy) { self.policy = policy }

    /// A look waits for its turn.
    var isWanted: Bool { queues.values.contains { $0.best != nil } }

    /// All whose looks wait.
    var wantedIDs: [ActionID] { Line.all.flatMap { self[$0].ids } }

    /// So many more looks may start.
    var room: Int {
        guard breaker.allowsCall else { return 0 }
        if breaker.isProbing { return 1 }
        if let probing { return probing.flight == nil ? 1 : 0 }
        return max(0, min(Self.startingMax - starting, Self.callingMax - calling - starting))
    }

    func isFull(_ line: Line) -> Bool { self[line].count >= WantQueue.entriesMax }

    subscript(line: Line) -> WantQueue {
        get { queues[line] ?? WantQueue() }
        _modify { yield &queues[line, default: WantQueue()] }
    }

    /// Which of the lines' best wants starts next. Waiting callers come first, then the oldest; but of
    /// unknown ids those asked for singly and those asked for together have their turns alternately.
    func first(of best: [Candidate]) -> Candidate? {
        let singles = best.filter { !$0.line.isTogether }
        guard together < Self.togetherMax, let many = best.filter(\.line.isTogether).min(),
            let single = singles.min()
        else { return singles.min() ?? (together < Self.togetherMax ? best.min() : nil) }
        if let known = singles.first(where: { $0.line.lane == .known }), known < many {
            return single
        }
        guard let rival = singles.filter({ $0.line.lane != .known }).min() else { return many }
        let isSameStanding = rival.entry.rank.isIdle == many.entry.rank.isIdle
        return (isSameStanding ? isTogethersTurn : rival.entry.rank.isIdle) ? many : single
    }
}

/// The best want of a line.
struct Candidate: Comparable {
    var line: Line
    var entry: WantQueue.Entry

    static func < (a: Candidate, b: Candidate) -> Bool { a.entry < b.entry }
}

/// An obstacle, and when it is expected to be gone.
struct Blocked: Sendable {
    var obstacle: Obstacle
    var until: Instant
}

extension UpstreamState {
    /// What stands in the way of a call now: of several, the one that lasts longest.
    func blocked(_ lane: Lane, _ now: Instant) -> Blocked? {
        var found: Blocked?
        func consider(_ obstacle: Obstacle, _ until: Instant) {
            guard until > now, until > found?.until ?? .distantPast else { return }
            found = Blocked(obstacle: obstacle, until: until)
        }
        consider(.paused, pausedUntil)
        consider(.quarantine, quarantinedUntil)
        if let ourTrouble { consider(.ourSide(ourTrouble.fault), ourTrouble.until) }
        if let closed = closed[lane] { consider(.budget(closed.kind), closed.until) }
        if let upstreamLeft, upstreamLeft[lane] <= 0 {
            consider(.upstreamLimit, upstreamLeft.until)
        }
        if case .open(let until) = breaker.state { consider(.breakerOpen, until) }
        return found ?? probe.map { Blocked(obstacle: $0, until: now + Breaker.firstPause) }
    }

    /// What the call under way is to tell of. Its end is not known: what has one counts first, so that
    /// which obstacle it is does not depend on the moment.
    private var probe: Obstacle? {
        if let probing, probing.flight != nil { return probing.obstacle }
        if case .halfOpen(.some) = breaker.state { return .breakerOpen }
        return nil
    }

    /// Whether the upstream has asked for no calls: that also holds for slots already granted.
    func isLeftAlone(_ lane: Lane, _ now: Instant) -> Bool {
        if pausedUntil > now || quarantinedUntil > now { return true }
        guard let upstreamLeft, upstreamLeft.until > now else { return false }
        return upstreamLeft[lane] <= 0
    }

    mutating func pause(until: Instant) {
        pausedUntil = max(pausedUntil, until)
        probing = Probing(from: pausedUntil, obstacle: .paused)
    }

    mutating func started(flight: UInt64, from line: Line) {
        starting += 1
        if line.isTogether { together += 1 }
        if line.lane != .known { isTogethersTurn = !line.isTogether }
        breaker.started(flight: flight)
        if probing?.flight == nil { probing?.flight = flight }
    }

    /// A call has ended, and the upstream has not asked with it to be left alone.
    mutating func answered(flightFrom startedAt: Instant) {
        if let probing, startedAt >= probing.from { self.probing = nil }
    }

    mutating func ended(flight: UInt64, from line: Line) {
        if line.isTogether { together -= 1 }
        breaker.dropped(flight: flight)
        if probing?.flight == flight { probing?.flight = nil }
    }

    mutating func quarantine(until: Instant) { quarantinedUntil = max(quarantinedUntil, until) }

    mutating func ourSideFailed(_ fault: UpstreamFault, until: Instant) {
        ourTrouble = (fault, until)
    }

    func isHeldUp(by fault: UpstreamFault, _ now: Instant) -> Bool {
        ourTrouble.map { $0.fault == fault && $0.until > now } ?? false
    }

    /// Who lacked a credential may have one now.
    mutating func credentialReplaced() {
        if ourTrouble?.fault.kind.isOfCredential == true { ourTrouble = nil }
    }

    /// A call found nothing left to be made with. A pause's probe serves as well.
    mutating func ranShort(_ fault: UpstreamFault, until: Instant) {
        ourSideFailed(fault, until: until)
        guard probing?.from ?? .distantPast < until else { return }
        probing = Probing(from: until, obstacle: .ourSide(fault))
    }

    /// It opens last of all that is spent: whom it does not close waits no longer than others.
    mutating func close(_ kind: BudgetKind, until: Instant) {
        for lane in Lane.allCases {
            if kind.closes(lane) {
                closed[lane] = (kind, until)
            } else if let before = closed[lane] {
                closed[lane]?.until = min(before.until, until)
            }
        }
    }

    mutating func close(_ holder: String, _ kind: BudgetKind, until: Instant, _ now: Instant) {
        closedHolders = closedHolders.filter { $0.value.until > now }
        closedHolders[holder] = (kind, until)
    }

    /// What keeps a key holder from having ids looked up that nobody knows.
    func blocked(holder: String?, _ now: Instant) -> Blocked? {
        guard let closed = holder.flatMap({ closedHolders[$0] }), closed.until > now else {
            return nil
        }
        return Blocked(obstacle: .budget(closed.kind), until: closed.until)
    }

    /// Takes in how many calls the upstream says are left for a time. Calls on their way may not be
    /// counted in it yet.
    mutating func heard(callsLeft: Int, for span: Duration, now: Instant) {
        let left = callsLeft - calling
        let until = now + span
        let unknown = left > 0 ? BudgetLimits.unknownShare(of: left) : 0
        var next = CallsLeft(
            known: left, unknown: unknown,
            notFound: left > 0 ? BudgetLimits.shareOfUnknown(unknown) : 0,
            until: until, unknownUntil: until)
        if let upstreamLeft, upstreamLeft.unknownUntil > now {
            next.unknown = min(next.unknown, upstreamLeft.unknown)
            next.notFound = min(next.notFound, upstreamLeft.notFound)
            next.unknownUntil = min(upstreamLeft.unknownUntil, until)
        }
        upstreamLeft = next
    }

    mutating func granted(_ lane: Lane) {
        calling += 1
        upstreamLeft?.known -= 1
        if lane != .known { upstreamLeft?.unknown -= 1 }
        if lane == .notFound { upstreamLeft?.notFound -= 1 }
    }
}

extension BudgetKind {
    func closes(_ lane: Lane) -> Bool {
        switch self {
        case .minute, .day: true
        case .minuteUnknown, .dayUnknown: lane != .known
        case .minuteNotFound, .dayNotFound: lane == .notFound
        case .minuteHolder, .dayHolder: false
        }
    }

    /// It counts what one key holder has had looked up.
    var isOfHolder: Bool { self == .minuteHolder || self == .dayHolder }
}
