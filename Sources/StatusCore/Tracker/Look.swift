// What is known of one action at one upstream, and the flight that is finding out more.

/// One action at one upstream. Its successors: unasked → wanted → in flight → told or missed → wanted…
struct Look: Sendable {
    /// The id as it was first asked for: so the upstream is asked.
    var spelling: ActionID
    /// The last state told.
    var answer: Told?
    /// The last look's failure, when it brought no state.
    var miss: Missed?
    /// When the id first read as 404; nil when it never did, or has been answered for since.
    var notFoundSince: Instant?
    /// When the gate opens, as far as this process knows. The store has the last word.
    var opensAt = Instant.distantPast
    /// True once this upstream has ever told the action's state.
    var isKnown = false
    /// The answer is here only: the store failed to take it.
    var isUnkept = false
    var firstSeenAt: Instant
    /// Somebody asked, the look is due, and it has not been started yet.
    var wanted: Want?
    var flight: Flight?
    /// The call that is being made elsewhere.
    var neighbour: NeighbourCall?
    /// Whose question caused the last flight.
    var lastStarter: CallerID?

    init(spelling: ActionID, firstSeenAt: Instant) {
        self.spelling = spelling
        self.firstSeenAt = firstSeenAt
    }

    struct Told: Sendable {
        var document: ActionDocument
        var checkedAt: WallTime
        /// When the call ended.
        var at: Instant
        /// Decides what is newer: no later than the upstream answered.
        var newsAt: Instant
        /// No later than the upstream answered: ages count from here.
        var answeredAt: Instant
    }

    struct Missed: Sendable {
        var fault: UpstreamFault
        var repeats: Int
        var at: Instant

        var isNotFound: Bool { fault.kind == .notFound }
    }
}

/// One look under way: at most one per action and upstream (invariant 6).
struct Flight: Sendable {
    var number: UInt64
    var startedAt: Instant
    /// When it was first wished for.
    var wantedSince: Instant
    /// The line from which it came.
    var line: Line
    /// Whose question caused it.
    var starter: CallerID?
    var holder: String?
    var stage: Stage

    /// preparing → reserving → calling → settling → applied; each may also end the flight.
    enum Stage: Sendable {
        case preparing
        case reserving(askedAt: Instant)
        case calling(SlotToken)
        /// The call has ended; its report is applied when the store has it, or a little later.
        /// A report is large and held for a moment only: it does not make every look larger.
        indirect case settling(CallReport, Settlement, askedAt: Instant)
        /// The report is applied, and the store has still not confirmed it.
        indirect case applied(Settlement, askedAt: Instant)
    }
}

extension Look {
    /// How far a look has come that somebody waits for.
    enum Progress: Sendable {
        /// The credential is on its way.
        case preparing
        /// It waits for its turn or its slot.
        case reserving
        case calling

        /// What callers are told who have waited in vain.
        var word: String {
            switch self {
            case .preparing: UpstreamFault.Kind.tokenUnavailable.rawValue
            case .reserving: Obstacle.store.word
            case .calling: UpstreamFault.Kind.timedOut.rawValue
            }
        }

        var problemCode: Problem.Code {
            switch self {
            case .preparing: .upstreamUnavailable
            case .reserving: .storeUnavailable
            case .calling: .upstreamTimeout
            }
        }
    }

    var progress: Progress {
        switch flight?.stage {
        case nil: neighbour == nil ? .reserving : .calling
        case .preparing: .preparing
        case .reserving: .reserving
        case .calling, .settling, .applied: .calling
        }
    }

    /// Forgets an answer that may not be served any more, and a call that must have ended.
    mutating func expire(_ now: Instant, _ policy: TrackerPolicy) {
        if let neighbour, now >= neighbour.endsBy { self.neighbour = nil }
        if let answer, now >= keptUntil(answer, policy) {
            self.answer = nil
            isUnkept = false
        }
    }

    func keptUntil(_ told: Told, _ policy: TrackerPolicy) -> Instant {
        told.at + (told.document.isDone ? policy.terminalTTL : policy.staleMax)
    }

    /// When the next look may start, if somebody asks. Never, while a finished state is kept.
    func dueAt(watched: Bool, _ policy: SourcePolicy) -> Instant {
        if answer?.document.isDone == true { return .distantFuture }
        if let miss {
            return max(opensAt, miss.at + interval(after: miss, policy))
        }
        guard let answer, !watched else { return opensAt }
        let interval = Freshness.interval(age: age(at: answer.at), policy)
        return max(opensAt, answer.at + interval)
    }

    private func interval(after miss: Missed, _ policy: SourcePolicy) -> Duration {
        guard miss.isNotFound else {
            return Freshness.failureInterval(
                repeats: miss.repeats, age: age(at: miss.at), policy)
        }
        let lasted = miss.at - (notFoundSince ?? miss.at)
        return Freshness.notFoundInterval(
            repeats: miss.repeats, lasted: lasted, age: age(at: miss.at), policy)
    }

    /// When its state was last learned, or asked for in vain.
    private var news: Instant? { [answer?.at, miss?.at].compactMap { $0 }.max() }

    /// The same, or when it was first asked for: who has waited longest is tried first.
    var triedAt: Instant { news ?? firstSeenAt }

    /// A call has been made for it, or for its action elsewhere.
    var isTried: Bool { news != nil }

    /// Until when a state is as fresh as the action's age asks for; a finished one always is.
    func freshUntil(_ told: Told, _ policy: TrackerPolicy, _ source: Source) -> Instant {
        guard !told.document.isDone, let limits = policy.sources[source] else {
            return keptUntil(told, policy)
        }
        return told.at + Freshness.interval(age: age(at: told.at), limits)
    }

    /// Since the action was made, as its last state tells; else since it was first asked for.
    private func age(at instant: Instant) -> Duration {
        guard let answer, let createdAt = answer.document.createdAt else {
            return instant - firstSeenAt
        }
        return (answer.checkedAt - createdAt) + (instant - answer.at)
    }

    /// When the refresh that callers may wait for began, here or elsewhere; nil when none is under
    /// way.
    var refreshStartedAt: Instant? {
        guard let flight else { return neighbour?.startedAt }
        if case .applied = flight.stage { return nil }
        return flight.startedAt
    }

    /// Takes over what a store told to a request of `askedAt`. It has the last word on the gate; what
    /// it tells of the action counts unless it is older than what is known here (invariant 10).
    ///
    /// Ages decide: wall clocks step. The store computed them between `askedAt` and `now`, so what
    /// it tells is no older than its age before `askedAt`.
    mutating func absorb(
        _ record: LookRecord, askedAt: Instant, _ now: Instant, _ policy: SourcePolicy
    ) {
        spelling = record.key.id
        opensAt = now + record.opensIn
        isKnown = isKnown || record.isKnown
        firstSeenAt = min(firstSeenAt, now - record.firstSeenAgo)
        if let ago = record.notFoundAgo { notFoundSince = min(notFoundSince ?? now, now - ago) }
        if let kept = record.answer { absorb(kept, askedAt: askedAt, now) }
        if let kept = record.miss {
            let at = askedAt - kept.age
            if at > miss?.at ?? .distantPast, at > answer?.at ?? .distantPast {
                miss = Missed(fault: kept.fault, repeats: kept.repeats, at: now - kept.age)
            }
        }
        let isOurCall = flight != nil && progress == .calling
        neighbour =
            isOurCall
            ? nil : NeighbourCall(record, news: news, askedAt: askedAt, now, policy)
    }

    private mutating func absorb(_ kept: KeptAnswer, askedAt: Instant, _ now: Instant) {
        if let answer {
            let isNewer = askedAt - kept.age > answer.newsAt || replaces(answer, kept, now)
            guard kept.document.isDone == answer.document.isDone ? isNewer : kept.document.isDone
            else { return }
        }
        let at = now - kept.age
        answer = Told(
            document: kept.document, checkedAt: kept.checkedAt, at: at,
            newsAt: at, answeredAt: askedAt - kept.age)
        lastStarter = nil
        if let miss, miss.at <= at { self.miss = nil }
        if let notFoundSince, notFoundSince <= at { self.notFoundSince = nil }
    }

    /// Whether a state that the store has now replaces one that it had, though their ages do not tell
    /// which is newer: the reply that brought the older one found a stopped process. A store that was set
    /// back tells of what is surely older.
    private func replaces(_ answer: Told, _ kept: KeptAnswer, _ now: Instant) -> Bool {
        !isUnkept && kept.document != answer.document && now - kept.age >= answer.answeredAt
    }

    /// The store has taken a settlement: an answer that it did not get before may still be here only.
    mutating func settled(_ record: LookRecord) {
        if answer?.document == record.answer?.document { isUnkept = false }
    }

    /// The store keeps the gate shut without a time to open, since it keeps the action's end: that is
    /// served on, though by a wall clock that was set ahead, or a late purge, it looks too old for it.
    mutating func keepShut(_ now: Instant, _ policy: TrackerPolicy) {
        opensAt = now + GateTiming.shutLeast
        guard let answer, answer.document.isDone else { return }
        self.answer?.at = max(answer.at, opensAt - policy.terminalTTL)
    }

    /// The miss that follows the last one.
    func nextMiss(_ fault: UpstreamFault, at instant: Instant) -> Missed {
        let isNotFound = fault.kind == .notFound
        let again = miss.map { $0.isNotFound == isNotFound } ?? false
        return Missed(fault: fault, repeats: again ? (miss?.repeats ?? 0) + 1 : 1, at: instant)
    }
}
