// What is known of one action at one upstream, and the flight that is finding out more.

/// One action at one upstream. Its successors: unasked → wanted → in flight → told or missed → wanted…
struct Look: Sendable {
    /// The last state told.
    var answer: Told?
    /// The last look's failure, when it brought no state.
    var miss: Missed?
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
    /// Whose question caused the last flight.
    var lastStarter: CallerID?

    init(firstSeenAt: Instant) { self.firstSeenAt = firstSeenAt }

    struct Told: Sendable {
        var document: ActionDocument
        var checkedAt: WallTime
        var at: Instant
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
    /// When the refresh began, as callers count it.
    var startedAt: Instant
    /// When it was first wished for.
    var wantedSince: Instant
    /// Whose question caused it.
    var starter: CallerID?
    var stage: Stage

    /// preparing → reserving → calling → settling → applied; each may also end the flight.
    enum Stage: Sendable {
        case preparing
        case reserving(askedAt: Instant)
        case calling(SlotToken)
        /// The call has ended; its report is applied when the store has it, or at `applyBy`.
        case settling(CallReport, applyBy: Instant)
        /// The report is applied, and the store has still not confirmed it.
        case applied
    }
}

extension Look {
    /// Forgets an answer that may not be served any more.
    mutating func expire(_ now: Instant, _ policy: TrackerPolicy) {
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
            let interval = Freshness.missInterval(
                isNotFound: miss.isNotFound, repeats: miss.repeats, age: age(at: miss.at), policy)
            return max(opensAt, miss.at + interval)
        }
        guard let answer, !watched else { return opensAt }
        let interval = Freshness.interval(age: age(at: answer.at), policy)
        return max(opensAt, answer.at + interval)
    }

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

    /// When the refresh that callers may wait for began; nil when none is under way.
    var refreshStartedAt: Instant? {
        guard let flight else { return nil }
        if case .applied = flight.stage { return nil }
        return flight.startedAt
    }

    /// Takes over what a store told to a request of `askedAt`, unless it is older than what is known
    /// here (invariant 10).
    ///
    /// Ages decide: wall clocks step. The store computed them between `askedAt` and `now`, so what
    /// it tells is no older than its age before `askedAt`.
    mutating func absorb(_ record: LookRecord, askedAt: Instant, _ now: Instant) {
        opensAt = max(opensAt, now + record.opensIn)
        isKnown = isKnown || record.isKnown
        firstSeenAt = min(firstSeenAt, now - record.firstSeenAgo)
        if let kept = record.answer { absorb(kept, askedAt: askedAt, now) }
        if let kept = record.miss {
            let at = askedAt - kept.age
            if at > miss?.at ?? .distantPast, at > answer?.at ?? .distantPast {
                miss = Missed(fault: kept.fault, repeats: kept.repeats, at: now - kept.age)
            }
        }
    }

    private mutating func absorb(_ kept: KeptAnswer, askedAt: Instant, _ now: Instant) {
        if let answer {
            let isNewer = askedAt - kept.age > answer.at
            guard kept.document.isDone == answer.document.isDone ? isNewer : kept.document.isDone
            else { return }
        }
        let at = now - kept.age
        answer = Told(document: kept.document, checkedAt: kept.checkedAt, at: at)
        if let miss, miss.at <= at { self.miss = nil }
    }

    /// The miss that follows the last one.
    func nextMiss(_ fault: UpstreamFault, at instant: Instant) -> Missed {
        let isNotFound = fault.kind == .notFound
        let again = miss.map { $0.isNotFound == isNotFound } ?? false
        return Missed(fault: fault, repeats: again ? (miss?.repeats ?? 0) + 1 : 1, at: instant)
    }
}
