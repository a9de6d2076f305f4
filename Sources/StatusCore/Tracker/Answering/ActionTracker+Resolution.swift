// Decides whether a caller is answered now, or held for a newer state.

extension ActionTracker {
    enum Resolution {
        case reply(Reply)
        case hold(until: Instant)
    }

    func resolution(_ caller: inout Caller, _ tracked: TrackedAction) -> Resolution {
        let asked = candidates(caller.question, tracked)
        let answered = asked.filter { tracked.entries[$0].observed != nil }
        if answered.count > 1 { return .reply(.problem(ambiguity(answered))) }
        guard let source = answered.first else { return problemResolution(caller, tracked, asked) }
        if let until = newsHold(&caller, tracked, source) { return .hold(until: until) }
        let answer = answer(tracked, source, for: caller)
        if let until = patienceEnd(&caller, answer, tracked), now < until {
            return .hold(until: until)
        }
        return .reply(.answer(answer))
    }

    /// A caller that waits for a change without naming a state waits for one from the state at its
    /// arrival.
    func rememberState(_ caller: inout Caller, _ tracked: TrackedAction) {
        guard case .change(nil, let deadline) = caller.question.patience else { return }
        let source = candidates(caller.question, tracked).first
        guard let state = source.flatMap({ tracked.entries[$0].observed }),
            state.at <= caller.askedAt
        else { return }
        caller.question.patience = .change(from: [state.document.tag], deadline: deadline)
    }

    /// A new state may arrive within a moment. A caller with its own wait does not wait longer for
    /// it.
    private func newsHold(
        _ caller: inout Caller, _ tracked: TrackedAction, _ source: Source
    ) -> Instant? {
        let hold = rivalHold(caller, tracked, source) ?? ownRefreshHold(&caller, tracked, source)
        guard let hold, let deadline = caller.question.patience.deadline else { return hold }
        return now < deadline ? min(hold, deadline) : nil
    }

    /// A caller is held for one refresh only, not also for the next.
    private func ownRefreshHold(
        _ caller: inout Caller, _ tracked: TrackedAction, _ source: Source
    ) -> Instant? {
        guard let until = refreshHold(tracked, source) else { return nil }
        let soonest = min(caller.refreshUntil ?? until, until)
        caller.refreshUntil = soonest
        return now < soonest ? soonest : nil
    }

    /// A request during a refresh gets the new answer if that arrives soon.
    func refreshHold(_ tracked: TrackedAction, _ source: Source) -> Instant? {
        guard let upstream = upstreams[source] else { return nil }
        let start = refreshStart(tracked.entries[source], tracked.budget(at: source), upstream)
        guard let until = start.map({ $0 + policy.refreshWait }), now < until else { return nil }
        return until
    }

    /// If several sources were asked at once, the winner waits briefly for the others.
    private func rivalHold(_ caller: Caller, _ tracked: TrackedAction, _ source: Source) -> Instant?
    {
        guard caller.question.source == nil else { return nil }
        for rival in policy.configured where rival != source {
            guard let start = tracked.entries[rival].refreshStartedAt else { continue }
            let until = start + TrackerPolicy.rivalWait
            if now < until { return until }
        }
        return nil
    }

    /// Until when a patient caller prefers to wait rather than get this answer; nil: it accepts the
    /// answer.
    private func patienceEnd(
        _ caller: inout Caller, _ answer: Answer, _ tracked: TrackedAction
    ) -> Instant? {
        guard !isDraining, !answer.document.isDone else { return nil }
        switch caller.question.patience {
        case .none: return nil
        case .done(let deadline): return deadline
        case .change(let tags?, let deadline):
            return tags.contains(answer.document.tag) ? deadline : nil
        case .change(nil, _): return nil  // nothing was known at its arrival
        case .update(let tag, let reason, let deadline):
            guard tag == answer.document.tag else { return nil }
            let staleness = staleness(tracked, answer.document.source)
            return min(deadline, reasonHold(&caller, knows: reason, staleness))
        }
    }

    /// A reason is reported once it has lasted for that long: a spent budget is renewed and spent
    /// again many times a minute. Reasons are checked only as often: a crowd may wait for one
    /// budget, and is not considered at each denied call.
    static let reasonLastsLeast = Duration.seconds(1)

    private func reasonHold(
        _ caller: inout Caller, knows reason: StaleReason?, _ staleness: Staleness
    ) -> Instant {
        guard staleness.reason != reason else {
            caller.reasonChangedAt = nil
            let nextRefresh = now + Self.reasonLastsLeast
            return reason == nil ? max(staleness.until, nextRefresh) : nextRefresh
        }
        let changedAt = caller.reasonChangedAt ?? now
        caller.reasonChangedAt = changedAt
        return changedAt + Self.reasonLastsLeast
    }

    /// There is no state to serve: either a refresh may bring one, or the problem is returned.
    private func problemResolution(
        _ caller: Caller, _ tracked: TrackedAction, _ asked: [Source]
    ) -> Resolution {
        for source in asked {
            guard case .awaited = knowledge(tracked, source, for: caller.question.holder) else {
                continue
            }
            let until = caller.askedAt + policy.coldWait(source)
            if now < until { return .hold(until: until) }
        }
        return .reply(.problem(problem(tracked, asked, for: caller.question.holder)))
    }
}
