// The knowledge of one action at one upstream.

/// One action at one upstream. Its life: unasked → deferred → in flight → observed or negative → deferred…
struct Entry: Sendable {
    /// The id's first spelling, which is sent to the upstream.
    var spelling: ActionID
    /// The last state that the upstream answered with.
    var observed: ObservedState?
    /// The failure of the last refresh, if it brought no state.
    var negative: NegativeResult?
    /// When the id first got 404; nil if it never did, or a state came since.
    var notFoundSince: Instant?
    /// When the gate opens, as far as this process knows. The store is authoritative.
    var opensAt = Instant.distantPast
    /// True once this upstream has answered with a state of the action.
    var isKnown = false
    /// Whether the observed state exists only here, because the store failed to record it.
    var isUnkept = false
    var firstSeenAt: Instant
    /// Whether it is listed among the unfinished actions.
    var isListed = false
    /// A requested and due refresh that has not started yet.
    var deferred: DeferredRefresh?
    var flight: Flight?
    /// The call that another process is making.
    var peerCall: PeerCall?
    /// The caller whose question caused the last flight.
    var lastStarter: CallerID?

    init(spelling: ActionID, firstSeenAt: Instant) {
        self.spelling = spelling
        self.firstSeenAt = firstSeenAt
    }

    struct ObservedState: Sendable {
        var document: ActionDocument
        var checkedAt: WallTime
        /// When the call ended.
        var at: Instant
        /// Decides which state is newer: no later than the upstream's answer.
        var newsAt: Instant
        /// No later than the upstream's answer: ages count from here.
        var answeredAt: Instant
    }

    struct NegativeResult: Sendable {
        var fault: UpstreamFault
        var repeats: Int
        var at: Instant

        var isNotFound: Bool { fault.kind == .notFound }
    }
}

// MARK: - Its times

extension Entry {
    func keptUntil(_ state: ObservedState, _ policy: TrackerPolicy) -> Instant {
        state.at + (state.document.isDone ? policy.terminalTTL : policy.staleMax)
    }

    /// Drops states that may no longer be served, and a peer's call that must have ended.
    mutating func expire(_ now: Instant, _ policy: TrackerPolicy) {
        if let peerCall, now >= peerCall.endsBy { self.peerCall = nil }
        if let observed, now >= keptUntil(observed, policy) {
            self.observed = nil
            isUnkept = false
        }
        if let negative, now - negative.at >= Self.negativeMax {
            self.negative = nil
            notFoundSince = nil
        }
    }

    /// A negative result without further requests is dropped after that time, as in a store.
    static let negativeMax = Duration.seconds(86_400)

    /// When the next refresh may start, if requested. Never while a finished state is kept.
    func dueAt(watched: Bool, _ policy: SourcePolicy) -> Instant {
        if observed?.document.isDone == true { return .distantFuture }
        if let negative {
            return max(opensAt, negative.at + interval(after: negative, policy))
        }
        guard let observed, !watched else { return opensAt }
        let interval = Freshness.interval(age: age(at: observed.at), policy)
        return max(opensAt, observed.at + interval)
    }

    private func interval(after negative: NegativeResult, _ policy: SourcePolicy) -> Duration {
        let age = age(at: negative.at)
        guard negative.isNotFound else {
            return Freshness.failureInterval(repeats: negative.repeats, age: age, policy)
        }
        let lasted = negative.at - (notFoundSince ?? negative.at)
        return Freshness.notFoundInterval(
            repeats: negative.repeats, lasted: lasted, age: age, policy)
    }

    /// When the last call ended, with or without a state.
    var lastTriedAt: Instant? { [observed?.at, negative?.at].compactMap { $0 }.max() }

    /// The same, else when it was first asked for: the longest waiting entry is tried first.
    var triedAt: Instant { lastTriedAt ?? firstSeenAt }

    /// Whether a call has been made for it, here or by a peer.
    var isTried: Bool { lastTriedAt != nil }

    /// Until when a state is fresh, by the action's age; a finished one always is.
    func freshUntil(_ state: ObservedState, _ policy: TrackerPolicy, _ source: Source) -> Instant {
        guard !state.document.isDone, let limits = policy.sources[source] else {
            return keptUntil(state, policy)
        }
        return state.at + Freshness.interval(age: age(at: state.at), limits)
    }

    /// When the action was created, if its state is known.
    var madeAt: Instant? { observed.map { $0.at - age(at: $0.at) } }

    /// The time since the action was created, if the upstream reports that; else since it was first
    /// asked for.
    private func age(at instant: Instant) -> Duration {
        guard let observed, let createdAt = observed.document.createdAt else {
            return instant - firstSeenAt
        }
        return (observed.checkedAt - createdAt) + (instant - observed.at)
    }
}

// MARK: - The result of a call

extension Entry {
    /// Merges the result of our own call. An unfinished state of a finished action is not served,
    /// and a process that was stopped during the call may already know a later state.
    mutating func take(_ report: CallReport) {
        switch report.outcome {
        case .answered(let document):
            let isNewer =
                observed?.document.isDone != true
                && observed?.newsAt ?? .distantPast <= report.answeredAt
            guard document.isDone || isNewer else { return }
            observed = ObservedState(
                document: document.kept(besides: observed?.document), checkedAt: report.checkedAt,
                at: report.endedAt,
                newsAt: report.answeredAt, answeredAt: report.answeredAt)
            negative = nil
            notFoundSince = nil
            isKnown = true
        case .failed(let fault) where fault.kind.leavesSlotUnused: return
        case .notFound(let fault), .failed(let fault):
            negative = nextNegative(fault, at: report.endedAt)
            if fault.kind == .notFound { noteNotFound(since: report.endedAt) }
        }
    }

    /// The negative result that follows the last one.
    func nextNegative(_ fault: UpstreamFault, at instant: Instant) -> NegativeResult {
        let isNotFound = fault.kind == .notFound
        let before = negative.flatMap { $0.isNotFound == isNotFound ? $0.repeats : nil }
        return NegativeResult(fault: fault, repeats: (before ?? 0) + 1, at: instant)
    }

    mutating func noteNotFound(since instant: Instant) { notFoundSince = notFoundSince ?? instant }
}
