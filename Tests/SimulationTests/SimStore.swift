// The store that all replicas share: the stores' own rules over a state that can be copied, wiped and
// set back.

@testable import StateStores
@testable import StatusCore

/// One shared store on its own clock. Every method is one atomic, durable step.
struct SimStore {
    /// Its content; a copy is a snapshot of it.
    struct Content {
        var state = StoreState()
        var journal = MemoryJournal()
        /// For a PostgreSQL: its identity and time.
        var meta: PostgresMeta?
    }

    var content = Content()
    /// For a PostgreSQL.
    var server = SimServer()
    let isPostgres: Bool
    let clock: DriftingClock
    let mutant: Mutant?
    private var snapshots: [Content] = []
    /// The content before each of the last writes, latest last; kept if a standby may take over.
    private var history: [Content] = []
    private let hasStandby: Bool
    /// By how many writes a standby can be behind.
    static let lostWritesMax = 5

    init(clock: DriftingClock, isPostgres: Bool, hasStandby: Bool, mutant: Mutant?) {
        self.clock = clock
        self.isPostgres = isPostgres
        self.hasStandby = hasStandby
        self.mutant = mutant
        if isPostgres { content.meta = newLife(at: .simulationStart) }
    }

    private func newLife(at now: Instant) -> PostgresMeta {
        PostgresMeta(
            epoch: Int64.random(in: 1...(1 << 52)), revision: 0, token: state.lastToken,
            clockOffset: .zero, lastTime: clock.shows(now) + server.step, home: "",
            serverStart: "\(server.starts)")
    }

    var state: StoreState { content.state }

    mutating func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation], at now: StoreMoment
    ) -> LookUpReply {
        if mutant != nil { return bentLookUp(ids, requests, at: now) }
        let before = past
        let reply = StoreRules(now: now, asked: now)
            .lookUp(ids, orReserve: requests, in: &content.state)
        if !reply.reservations.isEmpty { keep(in: before) }
        return reply
    }

    mutating func reserve(_ request: Reservation, at now: StoreMoment) -> ReservationReply {
        let before = past
        let rules = StoreRules(now: now, asked: now)
        if let mutant { content.state.bend(by: mutant, for: request, at: now.time) }
        let reply = rules.reserve(request, in: &content.state)
        if mutant != nil, let before { straighten(request, reply, before.state, at: now.time) }
        if case .quarantined = reply.verdict { return reply }
        keep(in: before)
        return reply
    }

    mutating func complete(
        _ completion: Completion, asked: StoreMoment, at now: StoreMoment
    ) -> CompletionReply {
        let before = past
        let completion = bent(completion)
        let reply = StoreRules(now: now, asked: asked).complete(completion, in: &content.state)
        if let before { straighten(completion, before.state, at: now.time) }
        keep(in: before)
        return reply
    }

    mutating func purge(_ retention: Retention, at now: StoreMoment) -> Int {
        content.state.purge(retention, at: now.time)
            + content.journal.purge(last: state.lastToken, at: now.time)
    }

    mutating func keepSnapshot() { snapshots.append(content) }

    /// Held only where needed, since a held content is copied when it changes.
    var past: Content? { hasStandby || mutant != nil ? content : nil }

    mutating func keep(in before: Content?) {
        content.journal.take(from: &content.state)
        guard hasStandby, let before else { return }
        history.append(before)
        if history.count > Self.lostWritesMax { history.removeFirst() }
    }

    /// Of a PostgreSQL, with its schema or without.
    mutating func wipe(_ now: Instant, keepsSchema: Bool = true) {
        replace(Content(), now)
        if isPostgres, !keepsSchema { content.meta = newLife(at: now) }
    }

    mutating func setBack(_ now: Instant, _ random: inout SimRandom) {
        replace(snapshots.isEmpty ? Content() : random.pick(snapshots), now)
    }

    /// An asynchronous standby takes over: the last writes, although acknowledged, are lost.
    mutating func failOver(_ now: Instant, lostWrites: Int) {
        let kept = lostWrites > 0 ? history.suffix(lostWrites).first : nil
        history = []
        server.timeline += 1
        replace(kept ?? content, now)
    }

    /// Tokens continue, since the port promises that they are unique.
    private mutating func replace(_ other: Content, _ now: Instant) {
        let last = state.lastToken
        content = other
        // A PostgreSQL's processes must find out themselves what it has lost.
        guard !isPostgres else { return }
        content.state.lastToken = max(last, state.lastToken)
        content.state.lossDetectedAt = now
    }
}

// MARK: - What only mutants do

extension SimStore {
    /// A first visit whose reservations are bent as others are.
    private mutating func bentLookUp(
        _ ids: [ActionID], _ requests: [Reservation], at now: StoreMoment
    ) -> LookUpReply {
        let rules = StoreRules(now: now, asked: now)
        let found = rules.lookUp(ids, orReserve: [], in: &content.state)
        guard found.records.isEmpty || mutant == .firstVisitBlind else { return found }
        var reply = LookUpReply()
        for request in requests {
            if mutant == .firstVisitBlind {
                content.state.entries[request.key]?.opens = now.time
                content.state.entries[request.key]?.answer = nil
            }
            let slot = reserve(request, at: now)
            reply.reservations[request.key.source] = slot
            guard mutant == .firstVisitUncounted, case .granted = slot.verdict,
                let lease = state.entries[request.key]?.lease
            else { continue }
            content.state.sources[request.key.source]?.calls.remove(lease.ends, lease.classes)
        }
        return requests.isEmpty ? found : reply
    }

    /// Undoes the changes for the decision, and changes its result.
    private mutating func straighten(
        _ request: Reservation, _ reply: ReservationReply, _ before: StoreState, at now: Instant
    ) {
        let decided = content.state
        content.state = before
        guard case .granted = reply.verdict, var entry = decided.entries[request.key],
            var lease = entry.lease
        else { return }
        if mutant == .budgetFromStart { lease.ends = now }
        entry.lease = lease
        entry.answer = before.entries[request.key]?.answer
        content.state.entries[request.key] = entry
        content.state.lastToken = decided.lastToken
        content.state.events = decided.events
        content.state.sources[request.key.source, default: SourceState()].calls
            .add(lease.ends, lease.classes, now: now)
    }

    private mutating func bent(_ completion: Completion) -> Completion {
        var completion = completion
        let isCompleted = content.journal.isCompleted(completion.token)
        if mutant == .oldOwnerMovesGate, !isCompleted, state.entries[completion.key] != nil {
            content.state.entries[completion.key]?.lease?.token = completion.token
            content.state.entries[completion.key]?.lease?.state = .underWay
        }
        if mutant == .forgottenNewsDropped, !content.journal.has(completion.token),
            state.entries[completion.key]?.newest != nil
        {
            completion.observation = .none
        }
        return completion
    }

    private mutating func straighten(
        _ completion: Completion, _ before: StoreState, at now: Instant
    ) {
        let source = completion.key.source
        switch mutant {
        case .budgetFromStart:
            guard let lease = state.entries[completion.key]?.lease, lease.state == .ended,
                before.entries[completion.key]?.lease?.state == .underWay
            else { return }
            content.state.sources[source]?.calls.remove(now, lease.classes)
            content.state.sources[source]?.calls.add(lease.reserved, lease.classes, now: now)
        case .endNotCounted:
            guard let lease = state.entries[completion.key]?.lease, lease.state == .ended,
                before.entries[completion.key]?.lease?.state == .underWay
            else { return }
            content.state.sources[source]?.calls.remove(now, lease.classes)
        case .pauseNotShared:
            var kept = before.sources[source] ?? SourceState()
            kept.calls = state.sources[source]?.calls ?? CallCounts()
            content.state.sources[source] = kept
        default: break
        }
    }

    /// Grants that were only in a process's memory are lost.
    mutating func forgetGrants(of keys: [EntryKey]) {
        for key in keys { content.state.entries[key]?.opens = .distantPast }
    }
}

extension StoreState {
    /// Shows a decision the content that it would see with that fault.
    fileprivate mutating func bend(
        by mutant: Mutant, for request: Reservation, at now: Instant
    ) {
        let source = request.key.source
        var calls = sources[source]?.calls ?? CallCounts()
        switch mutant {
        case .noQuarantine: lossDetectedAt = nil
        case .shortQuarantine:
            lossDetectedAt = lossDetectedAt.map { $0 - (request.quarantine - request.hold) }
        case .finishedGateOpens: entries[request.key]?.answer = nil
        case .unknownShareIgnored:
            let other = EntryKey(source == .orders ? .vouchers : .orders, request.key.id)
            let moment = StoreMoment(time: now, wall: WallTime(milliseconds: 0))
            let entry = entries[other] ?? StoredEntry(key: other, firstSeen: moment, opens: now)
            entries[other] = entry
            entries[other]?.isKnown = true
        case .notFoundShareIgnored: calls.counters[.notFound] = nil
        case .holderShareIgnored:
            for case .holder(let name) in Array(calls.counters.keys) {
                calls.counters[.holder(name)] = nil
            }
        case .unknownShareByMinute:
            calls.keep(.unknown) { $0 + BudgetLimits.minuteWindow > now }
        case .bucketEndsEarly:
            for counted in Array(calls.counters.keys) {
                for span in BudgetSpan.allCases {
                    let buckets = calls.counters[counted]?[span].buckets ?? []
                    calls.counters[counted]?[span] = CallRing(
                        buckets.map { .init(end: $0.end.bucketStart(span), calls: $0.calls) })
                }
            }
        case .fixedWindows:
            for counted in Array(calls.counters.keys) {
                calls.keep(counted) { $0.inWindow == now.inWindow }
            }
        default: break
        }
        sources[source, default: SourceState()].calls = calls
    }
}

extension CallCounts {
    /// Forgets the calls of a class with another end.
    fileprivate mutating func keep(_ counted: CallClass, _ isKept: (Instant) -> Bool) {
        for span in BudgetSpan.allCases {
            guard let ring = counters[counted]?[span] else { continue }
            counters[counted]?[span] = CallRing(ring.buckets.filter { isKept($0.end) })
        }
    }
}

extension Instant {
    fileprivate var inWindow: Int64 { nanoseconds / 60_000_000_000 }

    fileprivate func bucketStart(_ span: BudgetSpan) -> Instant {
        Instant(nanoseconds: nanoseconds - nanoseconds % span.bucket.nanoseconds)
    }
}
