// The upstreams for a question, and what is known from each of them now.

extension ActionTracker {
    /// The upstreams for a question, by what is known so far.
    func candidates(_ question: Question, _ tracked: TrackedAction) -> [Source] {
        if let source = question.source { return [source] }
        let configured = policy.configured
        guard configured.count > 1 else { return configured }
        let answered = configured.filter { tracked.entries[$0].observed != nil }
        if !answered.isEmpty { return answered }
        let known = configured.filter { tracked.entries[$0].isKnown }
        if !known.isEmpty { return known }
        let fitting = fitting(question.id)
        let others = configured.filter { !fitting.contains($0) }
        let areAllNotFound = fitting.allSatisfy {
            if case .notFound = knowledge(tracked, $0) { true } else { false }
        }
        return areAllNotFound ? fitting + others : fitting
    }

    /// The sources whose id pattern matches.
    func fitting(_ id: ActionID) -> [Source] {
        policy.configured.filter { policy.sources[$0]?.idPattern?.fits(id) == true }
    }

    /// What is known of an action from one upstream now.
    enum Knowledge {
        case observed(Entry.ObservedState)
        case notFound(UpstreamFault)
        case failed(UpstreamFault)
        /// A refresh is under way or deferred.
        case awaited(Entry.Progress)
        /// Unknown, and no call is possible now.
        case blocked(Blocked)
    }

    func knowledge(
        _ tracked: TrackedAction, _ source: Source, for holder: String? = nil
    ) -> Knowledge {
        guard let upstream = upstreams[source] else {
            return .blocked(Blocked(reason: .gate, until: .distantFuture))
        }
        let entry = tracked.entries[source]
        if let state = entry.observed { return .observed(state) }
        let budget = tracked.budget(at: source)
        if refreshStart(entry, budget, upstream) != nil { return .awaited(entry.progress) }
        let dueAt = entry.dueAt(watched: false, upstream.policy)
        if let negative = entry.negative, now < dueAt {
            return negative.isNotFound ? .notFound(negative.fault) : .failed(negative.fault)
        }
        if let blocked = blocked(upstream, budget, for: holder) {
            // An expired 404 would be a guess. A failure remains the last result.
            if let negative = entry.negative, !negative.isNotFound {
                return .failed(negative.fault)
            }
            return .blocked(blocked)
        }
        if now < dueAt { return .blocked(Blocked(reason: .gate, until: dueAt)) }
        return .awaited(entry.progress)
    }

    /// When the refresh began that a request may wait for; nil if there is none, or none that can
    /// start now.
    func refreshStart(
        _ entry: Entry, _ budget: BudgetClass, _ upstream: UpstreamState
    ) -> Instant? {
        if let started = entry.refreshStartedAt { return started }
        guard let deferred = entry.deferred, blocked(upstream, budget) == nil else { return nil }
        return deferred.since
    }

    /// Why the refreshes of a budget class cannot start, because of the upstream or this service.
    func blocked(
        _ upstream: UpstreamState, _ budget: BudgetClass, for holder: String? = nil
    ) -> Blocked? {
        if isDraining { return Blocked(reason: .draining, until: now + .seconds(1)) }
        var own = upstream.blocked(budget, now)
        if budget != .known, let spent = upstream.budgets.blocked(holder: holder, now),
            spent.until > own?.until ?? .distantPast
        {
            own = spent
        }
        guard store.troubleUntil > max(now, own?.until ?? .distantPast) else { return own }
        return Blocked(reason: .store, until: store.troubleUntil)
    }

    /// When a call can really be made, by its slot and the blocks.
    func callableAt(
        _ tracked: TrackedAction, _ source: Source, watched: Bool = false, for holder: String? = nil
    ) -> Instant {
        guard let upstream = upstreams[source] else { return .distantFuture }
        let dueAt = tracked.entries[source].dueAt(watched: watched, upstream.policy)
        let blocked = blocked(upstream, tracked.budget(at: source), for: holder)
        return max(dueAt, blocked?.until ?? .distantPast)
    }
}
