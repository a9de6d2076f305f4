// Considers an action after a change: defers due refreshes, replies to callers, publishes answers
// that can be served without the tracker, and plans the next wake.

extension ActionTracker {
    /// A crowd is served in slices, over several steps. Returns the number of considered callers.
    mutating func consider(_ touch: Touch, atMost most: Int) -> Int {
        let id = touch.id
        guard prepareToConsider(id) else { return refuseOverdue(id, atMost: most) }
        let slice =
            touch.isForDueOnly
            ? actions[id]?.waiters.takeDue(now, atMost: most)
            : actions[id]?.waiters.nextSlice(atMost: most)
        let callers = slice ?? []
        for (index, caller) in callers.enumerated()
        where index == 0 || !caller.asksForTheSame(as: callers[index - 1]) {
            deferDueRefreshes(caller)
        }
        let firstReply = effects.count
        for (caller, held) in zip(callers, served(callers, id)) {
            if let held {
                actions[id]?.waiters.update(held)
            } else {
                actions[id]?.waiters.remove(caller.id)
            }
        }
        publish(id, before: firstReply)
        plan(id)
        if !touch.isForDueOnly, actions[id]?.waiters.isRoundUnderWay == true { touchLater(id) }
        weigh(id)
        listUnfinished(id)
        retireIfFinished(id)
        return callers.count
    }

    /// The same for one new caller: nothing has changed for the others.
    mutating func considerNewcomer(_ newcomer: Caller) {
        let id = newcomer.question.id
        guard prepareToConsider(id) else { return }
        deferDueRefreshes(newcomer)
        var newcomer = newcomer
        let firstReply = effects.count
        if let holdUntil = actions[id].flatMap({ serve(&newcomer, $0) }) {
            newcomer.heldUntil = holdUntil
            actions[id]?.waiters.insert(newcomer)
        }
        publish(id, before: firstReply)
        plan(id)
        weigh(id)
        listUnfinished(id)
        retireIfFinished(id)
    }

    private mutating func prepareToConsider(_ id: ActionID) -> Bool {
        guard actions[id]?.isLoaded == true else { return false }
        actions[id]?.expire(now, policy)
        for source in policy.configured { applyLateReport(EntryKey(source, id)) }
        return true
    }

    /// Replies where possible; returns nil for those callers, and the others as they are still
    /// held. The action is not changed meanwhile, which would copy all callers for each one.
    private mutating func served(_ callers: [Caller], _ id: ActionID) -> [Caller?] {
        guard let tracked = actions[id] else { return [] }
        return callers.map { caller in
            var caller = caller
            guard let until = serve(&caller, tracked) else { return nil }
            caller.heldUntil = until
            return caller
        }
    }

    /// Replies if the caller has waited long enough; else returns until when it is held.
    private mutating func serve(_ caller: inout Caller, _ tracked: TrackedAction) -> Instant? {
        rememberState(&caller, tracked)
        switch resolution(&caller, tracked) {
        case .reply(let reply):
            callers[caller.id] = nil
            effects.append(.reply(caller.id, reply))
            return nil
        case .hold(let until): return until
        }
    }
}

// MARK: - The next wake

extension ActionTracker {
    /// The pause before another attempt to enter a full queue.
    private static let queueFullWait = Duration.seconds(1)

    /// Queues the action's next wake, unless an earlier one is queued.
    mutating func plan(_ id: ActionID, stateDueAt: Instant = .distantFuture) {
        let holdUntil = actions[id]?.waiters.nextDeadline ?? .distantFuture
        guard let tracked = actions[id] else { return }
        let stateDueAt = min(stateDueAt, self.stateDueAt(tracked))
        actions[id]?.stateDueAt = stateDueAt
        let wakeAt = min(holdUntil, stateDueAt)
        guard wakeAt < tracked.wakeAt else { return }
        actions[id]?.wakeAt = wakeAt
        wake(.action(id), at: max(wakeAt, now + .milliseconds(1)))
    }

    /// When the action's state has to be considered, apart from the deadlines of callers.
    private func stateDueAt(_ tracked: TrackedAction) -> Instant {
        var dueAt = Instant.distantFuture
        for source in policy.configured {
            let entry = tracked.entries[source]
            if let peerCall = entry.peerCall { dueAt = min(dueAt, peerCall.endsBy) }
            if entry.observed != nil, let began = entry.refreshStartedAt {
                // Later callers are served without the tracker.
                let heldUntil = began + policy.refreshWait
                if heldUntil > now { dueAt = min(dueAt, heldUntil) }
            }
            if let flight = entry.flight {
                dueAt = min(dueAt, flight.stageDeadline)
            } else if entry.observed != nil, entry.deferred == nil, tracked.isWatched(at: source) {
                // Due but not deferred: the queue was full.
                let callableAt = callableAt(tracked, source, watched: true)
                dueAt = min(dueAt, callableAt > now ? callableAt : now + Self.queueFullWait)
            }
        }
        return dueAt
    }
}
