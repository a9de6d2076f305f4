// What is known of one action at one upstream.

/// One action at one upstream. Its life: unasked → deferred → in flight → observed or negative → deferred…
struct Entry: Sendable {
    /// The id as it was first asked for: so the upstream is asked.
    var spelling: ActionID
    /// The last state that the upstream answered with.
    var observed: ObservedState?
    /// The failure of the last refresh, if that brought no state.
    var negative: NegativeResult?
    /// When the id first read as 404; nil when it never did, or has been answered for since.
    var notFoundSince: Instant?
    /// When the gate opens, as far as this process knows. The store has the last word.
    var opensAt = Instant.distantPast
    /// True once this upstream has ever answered with a state of the action.
    var isKnown = false
    /// The observed state is here only: the store failed to take it.
    var isUnkept = false
    var firstSeenAt: Instant
    /// It stands among the unfinished actions.
    var isListed = false
    /// Somebody asked, a refresh is due, and it has not been started yet.
    var deferred: DeferredRefresh?
    var flight: Flight?
    /// The call that another process is making.
    var peerCall: PeerCall?
    /// Whose question caused the last flight.
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
        /// Decides what is newer: no later than the upstream answered.
        var newsAt: Instant
        /// No later than the upstream answered: ages count from here.
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

    /// Forgets what may not be served any more, and a peer's call that must have ended.
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

    /// A negative result that nobody has asked for since is forgotten after that, as in a store.
    static let negativeMax = Duration.seconds(86_400)

    /// When the next refresh may start, if somebody asks. Never, while a finished state is kept.
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

    /// When its state was last observed, or asked for in vain.
    var lastTriedAt: Instant? { [observed?.at, negative?.at].compactMap { $0 }.max() }

    /// The same, or when it was first asked for: who has waited longest is tried first.
    var triedAt: Instant { lastTriedAt ?? firstSeenAt }

    /// A call has been made for it, or for its action elsewhere.
    var isTried: Bool { lastTriedAt != nil }

    /// Until when a state is as fresh as the action's age asks for; a finished one always is.
    func freshUntil(_ state: ObservedState, _ policy: TrackerPolicy, _ source: Source) -> Instant {
        guard !state.document.isDone, let limits = policy.sources[source] else {
            return keptUntil(state, policy)
        }
        return state.at + Freshness.interval(age: age(at: state.at), limits)
    }

    /// When the action was made, if its state is known.
    var madeAt: Instant? { observed.map { $0.at - age(at: $0.at) } }

    /// Since the action was made, if the upstream says when; else since it was first asked for.
    private func age(at instant: Instant) -> Duration {
        guard let observed, let createdAt = observed.document.createdAt else {
            return instant - firstSeenAt
        }
        return (observed.checkedAt - createdAt) + (instant - observed.at)
    }
}

// MARK: - What a call has brought

extension Entry {
    /// Takes over what a call of our own came to. Of a finished action an unfinished state is not
    /// served, and a process that was stopped in mid-call may have learned of a later state before.
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
