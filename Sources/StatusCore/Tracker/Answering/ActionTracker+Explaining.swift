// Explains why an action's answer is what it is. Looks the action up if need be; calls no upstream.

extension ActionTracker {
    /// How many of an action's calls are shown.
    static let callsShown = 10

    mutating func explanationAsked(_ caller: CallerID, _ id: ActionID) {
        if actions[id] == nil {
            guard actions.retired(id) == nil, store.troubleUntil <= now else {
                return explain(id, to: caller)
            }
            track(id)
            effects.append(.lookUp(id, orReserve: []))
        }
        guard actions[id]?.isLoaded == false else { return explain(id, to: caller) }
        actions[id]?.explanationCallers.append(caller)
        touch(id)
    }

    /// To all who have waited for the store to reply what it has.
    mutating func explainToCallers(_ id: ActionID) {
        let explanationCallers = actions[id]?.explanationCallers ?? []
        actions[id]?.explanationCallers = []
        for caller in explanationCallers { explain(id, to: caller) }
    }

    private mutating func explain(_ id: ActionID, to caller: CallerID) {
        actions[id]?.expire(now, policy)
        var tracked = actions[id] ?? TrackedAction(id, now: now)
        if let published = actions.retired(id), actions[id] == nil {
            tracked.restore(published, kept: policy.terminalTTL)
            tracked.wasAsked = true
            tracked.expire(now, policy)
        }
        effects.append(.explain(caller, explanation(id, tracked)))
    }

    private func explanation(_ id: ActionID, _ tracked: TrackedAction) -> Explanation {
        let asked = candidates(Question(id: id), tracked)
        return Explanation(
            id: id, wasAsked: tracked.wasAsked, asked: asked,
            choice: choice(id, tracked, asked),
            sources: policy.configured.compactMap { view(EntryKey($0, id), tracked) })
    }

    private func choice(
        _ id: ActionID, _ tracked: TrackedAction, _ asked: [Source]
    ) -> Explanation.Choice {
        if policy.configured.count == 1 { return .onlySource }
        if asked.contains(where: { tracked.entries[$0].observed != nil }) { return .answeredBefore }
        if asked.contains(where: { tracked.entries[$0].isKnown }) { return .knownBefore }
        let fitting = fitting(id)
        if fitting.isEmpty { return .unknownShape }
        return asked.count == fitting.count ? .idShape : .notFoundAtFirst
    }

    private func view(_ key: EntryKey, _ tracked: TrackedAction) -> Explanation.SourceView? {
        guard let upstream = upstreams[key.source] else { return nil }
        let entry = tracked.entries[key.source]
        let isFinished = entry.observed?.document.isDone == true
        return Explanation.SourceView(
            source: key.source,
            answer: entry.observed.map { state in
                Explanation.AnswerView(
                    status: state.document.status, isDone: isFinished, checkedAt: state.checkedAt,
                    answeredAt: state.answeredAt,
                    freshUntil: entry.freshUntil(state, policy, key.source),
                    staleReason: staleness(tracked, key.source).reason)
            },
            failure: entry.negative.map { negative in
                Explanation.FailureView(
                    outcome: negative.fault.kind.rawValue, httpStatus: negative.fault.httpStatus,
                    repeats: negative.repeats, at: negative.at)
            },
            progress: entry.progressView,
            whyNotFresher: reason(tracked, key.source, entry, upstream),
            nextCallAt: isFinished
                ? nil : max(now, callableAt(tracked, key.source, watched: tracked.isWatched)),
            lastCalls: callLog[key.source]?.last(Self.callsShown, of: key.id) ?? [],
            budgetLeft: upstream.budget?.left(at: now, of: upstream.policy.budget),
            breaker: upstream.breaker.view(now), blocks: upstream.blocks.standing(now))
    }

    private func reason(
        _ tracked: TrackedAction, _ source: Source, _ entry: Entry, _ upstream: UpstreamState
    ) -> Explanation.Reason {
        if entry.observed?.document.isDone == true { return .finished }
        if entry.refreshStartedAt != nil { return .underWay }
        let dueAt = entry.dueAt(watched: tracked.isWatched(at: source), upstream.policy)
        if let blocked = blocked(upstream, tracked.budget(at: source)), blocked.until > dueAt {
            return .blocked(blocked.reason, until: blocked.until)
        }
        guard now >= dueAt else { return .interval }
        return entry.deferred == nil ? .nobodyAsks : .underWay
    }
}

extension Entry {
    fileprivate var progressView: Explanation.Progress {
        switch flight?.stage {
        case nil: peerCall != nil ? .elsewhere : (deferred != nil ? .deferred : .idle)
        case .preparing: .preparing
        case .reserving: .reserving
        case .calling: .calling
        case .completing, .applied: .completing
        }
    }
}

extension Breaker {
    fileprivate func view(_ now: Instant) -> Explanation.BreakerView {
        switch state {
        case .closed: .closed
        case .open(let until): until > now ? .open(until: until) : .halfOpen
        case .halfOpen: .halfOpen
        }
    }
}
