// Records a call's end: gate, budgets, pause, gap and result.

import StatusCore

extension StoreRules {
    /// Records how a call ended. It is idempotent, since after a failed attempt it is unknown
    /// whether the first one was recorded.
    ///
    /// Reads the source and the entry. The reply has the record, so its document has to be loaded
    /// unless the completion has an answer.
    func complete(_ completion: Completion, in state: inout StoreState) -> CompletionReply {
        let key = completion.key
        if state.hasCompleted(completion) { return reply(key, gap: nil, state) }
        let isOwner = state.entries[key]?.lease?.token == completion.token
        let gap = isOwner ? end(completion, in: &state) : nil
        keepSource(completion, gap: gap, in: &state)
        keepEntry(completion, in: &state)
        state.events.append(.completed(completed(completion)))
        return reply(key, gap: gap, state)
    }

    private func reply(_ key: EntryKey, gap: Duration?, _ state: StoreState) -> CompletionReply {
        guard let record = state.record(key, at: now) else {
            preconditionFailure("a completed call's entry exists")
        }
        return CompletionReply(
            record: record, gap: gap, smallestGap: state.sources[key.source]?.smallestGap)
    }

    private func completed(_ completion: Completion) -> CompletedCall {
        let hasEnded = if case .opens = completion.gate { true } else { false }
        return CompletedCall(
            token: completion.token, key: completion.key,
            state: hasEnded ? .ended : .abandoned, ended: hasEnded ? now.time : nil,
            sent: completion.sentAgo.map { asked.time - $0 }, outcome: completion.outcome)
    }

    /// Applies the owner's report: a call without a certain end keeps its latest possible end, and
    /// so does one whose lease another call has taken over by then.
    private func end(_ completion: Completion, in state: inout StoreState) -> Duration? {
        let key = completion.key
        guard var entry = state.entries[key], var lease = entry.lease else { return nil }
        let sent = completion.sentAgo.map { asked.time - $0 }
        // A guess could produce a gap that never existed.
        var gap: Duration?
        if let sent, let before = entry.lastEnd, before <= lease.reserved { gap = sent - before }
        switch completion.gate {
        case .opens(let span):
            lease.state = .ended
            entry.opens = now.time + span
            if sent != nil { entry.lastEnd = now.time }
            var calls = state.sources[key.source]?.calls ?? CallCounts()
            calls.remove(lease.ends, lease.classes)
            calls.add(now.time, lease.classes, now: now.time)
            state.sources[key.source, default: SourceState()].calls = calls
        case .staysHeld:
            lease.state = .abandoned
        }
        entry.lease = lease
        state.entries[key] = entry
        return gap
    }

    private func keepSource(
        _ completion: Completion, gap: Duration?, in state: inout StoreState
    ) {
        guard completion.pause != nil || completion.breaker != nil || gap != nil else { return }
        var source = state.sources[completion.key.source] ?? SourceState()
        if let pause = completion.pause {
            source.pausedUntil = max(source.pausedUntil ?? .distantPast, now.time + pause)
        }
        switch completion.breaker {
        case .opened(let span)?:
            source.breakerUntil = max(source.breakerUntil ?? .distantPast, now.time + span)
        case .closed?: source.breakerUntil = nil
        case nil: break
        }
        if let gap { source.smallestGap = min(source.smallestGap ?? gap, gap) }
        state.sources[completion.key.source] = source
    }

    /// Records the result if it is newer. A missing entry is created again with the call's result.
    private func keepEntry(_ completion: Completion, in state: inout StoreState) {
        let key = completion.key
        var entry =
            state.entries[key] ?? StoredEntry(key: key, firstSeen: asked, opens: now.time)
        if state.entries[key] == nil, case .opens(let span) = completion.gate {
            entry.opens = now.time + span
        }
        let keepsAnswer = entry.take(completion, asked: asked)
        if keepsAnswer, case .answer(let document, _) = completion.observation {
            state.documents[key] = document
        }
        state.entries[key] = entry
    }
}

extension StoreState {
    /// Whether the call was completed before.
    func hasCompleted(_ completion: Completion) -> Bool {
        guard let lease = entries[completion.key]?.lease else { return false }
        return lease.token == completion.token && lease.state != .underWay
    }
}

extension StoredEntry {
    /// Records the result unless the stored one is newer. A finished state is never replaced by an
    /// unfinished one. True if the result is an answer and was recorded.
    fileprivate mutating func take(_ completion: Completion, asked: StoreMoment) -> Bool {
        let observation = completion.observation
        var answered = asked - completion.answeredAgo
        if case .negative(let kept) = observation { answered = asked - kept.age }
        let isOwner = lease?.token == completion.token
        let mark = ObservationMark(time: answered.time, token: isOwner ? completion.token : nil)
        let isNewer = newest.map { mark.isNewer(than: $0) } ?? true
        if case .answer = observation { isKnown = true }
        // The newer call may have brought no state.
        let isNewestAnswer =
            isNewer || negative != nil && answered.time > answer?.answered.time ?? .distantPast
        switch observation {
        case .answer(let document, let checkedAt) where isNewestAnswer:
            if isNewer {
                newest = mark
                negative = nil
                notFoundSince = nil
            }
            guard !isFinished || document.isDone else { return false }
            answer = Answer(isDone: document.isDone, checkedAt: checkedAt, answered: answered)
            return true
        case .negative(let kept) where isNewer:
            newest = mark
            negative = NegativeResult(
                fault: kept.fault.withoutZeros, repeats: kept.repeats, ended: answered)
            if kept.fault.kind == .notFound { notFoundSince = notFoundSince ?? answered }
        case .answer, .negative, .none: break
        }
        return false
    }
}

extension UpstreamFault {
    /// PostgreSQL cannot store a zero byte in a text.
    fileprivate var withoutZeros: UpstreamFault {
        var fault = self
        fault.code = code?.filter { $0 != "\0" }
        fault.message = message?.filter { $0 != "\0" }
        return fault
    }
}
