// A flight's end: its report is applied once the store has recorded it, or a little later.

extension ActionTracker {
    mutating func completed(
        _ key: EntryKey, _ number: UInt64, _ result: Result<CompletionReply, StoreFailure>
    ) {
        if let pending = pendingCompletions[number] {
            return completedAgain(key, number, pending, result)
        }
        guard let flight = flight(key, number) else { return }
        let completion: Completion
        let askedAt: Instant
        switch flight.stage {
        case .completing(let report, let asked, let at):
            (completion, askedAt) = (asked, at)
            apply(report, key)
        case .applied(let asked, let at): (completion, askedAt) = (asked, at)
        case .preparing, .reserving, .calling: return
        }
        switch result {
        case .success(let reply):
            store.worked(now)
            absorb(completed: reply.record, askedAt: askedAt)
            if let smallest = reply.smallestGap {
                effects.append(.note(.gap(key.source, smallest: smallest)))
            }
            if let gap = reply.gap, gap < upstreams[key.source]?.policy.minInterval ?? .zero {
                effects.append(.note(.violated(key.source, gap: gap)))
            }
        case .failure(let failure):
            storeFailed(failure)  // the gate keeps its pessimistic value
            keepPending(completion, askedAt: askedAt, flight: number)
            if let state = actions[key.id]?.entries[key.source].observed,
                state.at >= flight.startedAt
            {
                actions[key.id]?.entries[key.source].isUnkept = true
            }
        }
        end(key, flight)
    }

    private mutating func apply(_ report: CallReport, _ key: EntryKey) {
        let wasKnown = actions[key.id]?.entries[key.source].isKnown
        actions[key.id]?.entries[key.source].take(report)
        if actions[key.id]?.entries[key.source].isKnown != wasKnown { lineUpAsKnown(key.id) }
    }

    /// The store is slow: callers get the result before it is recorded.
    mutating func applyLateReport(_ key: EntryKey) {
        guard let flight = actions[key.id]?.entries[key.source].flight,
            now >= flight.stageDeadline,
            case .completing(let report, let completion, let askedAt) = flight.stage
        else { return }
        apply(report, key)
        setStage(key, .applied(completion, askedAt: askedAt))
    }

    /// Merges results of other processes from meanwhile, if there are any.
    private mutating func absorb(completed record: EntryRecord, askedAt: Instant) {
        let known = actions[record.key.id]?.entries[record.key.source].observed?.document
        var observation = record
        if record.answer?.document == known { observation.answer = nil }
        absorb(observation, askedAt: askedAt)
        actions[record.key.id]?.entries[record.key.source].completed(record)
    }
}

// MARK: - Completions that the store failed to take

extension ActionTracker {
    /// Keeps a completion that the store failed to record, if other processes need it: a pause, or
    /// an answer.
    private mutating func keepPending(
        _ completion: Completion, askedAt: Instant, flight: UInt64
    ) {
        guard completion.matters(after: .zero), !isDraining else { return }
        pendingCompletions.add(completion, madeAt: askedAt, flight: flight, now)
        planCompletions()
    }

    private mutating func planCompletions() {
        if let wakeAt = pendingCompletions.nextWake() { wake(.store, at: wakeAt) }
    }

    /// Repeats due completions; when the process is about to stop, all of them, for the last time.
    mutating func completePending() {
        guard pendingCompletions.areDue(now) || isDraining else { return }
        for (flight, completion) in pendingCompletions.takeDue(now, all: isDraining) {
            flights += 1
            effects.append(.complete(completion, flight: flight))
        }
        planCompletions()
    }

    private mutating func completedAgain(
        _ key: EntryKey, _ flight: UInt64, _ pending: PendingCompletion,
        _ result: Result<CompletionReply, StoreFailure>
    ) {
        flights -= 1
        switch result {
        case .success(let reply):
            pendingCompletions.remove(flight)
            store.worked(now)
            absorb(completed: reply.record, askedAt: pending.saidAt)
            touch(key.id)
        case .failure(let failure):
            // Other operations show whether the store fails in general, or only for this
            // completion.
            let isRefused = store.workedAt >= pending.failedAt
            if isDraining || !pendingCompletions.failed(flight, isRefused: isRefused, now) {
                pendingCompletions.remove(flight)
                return effects.append(.note(.storeFailed("\(failure)")))
            }
            planCompletions()
        }
    }
}
