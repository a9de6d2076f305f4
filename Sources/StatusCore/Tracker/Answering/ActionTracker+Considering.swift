// Considers an action anew after something happened to it: defers what is due, replies to whom it can,
// publishes what may be served without asking, and plans the next wake.

extension ActionTracker {
    /// Of a crowd a slice is served, and the rest in later steps. Returns how many callers it has looked at.
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

    /// The same for one caller that has just come: the others' situation has not changed.
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

    /// Replies to whom it can; nil for each of them, and the others as they are held on. The action is
    /// not changed meanwhile: that would copy a crowd for each of its members.
    private mutating func served(_ callers: [Caller], _ id: ActionID) -> [Caller?] {
        guard let tracked = actions[id] else { return [] }
        return callers.map { caller in
            var caller = caller
            guard let until = serve(&caller, tracked) else { return nil }
            caller.heldUntil = until
            return caller
        }
    }

    /// Replies if the caller has waited enough; else returns until when it is held.
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
    /// When a place in a full queue is tried for again.
    private static let queueFullWait = Duration.seconds(1)

    /// Puts the action's next wake into the queue, unless an earlier one stands there.
    mutating func plan(_ id: ActionID, stateDueAt: Instant = .distantFuture) {
        let holdUntil = actions[id]?.waiters.nextDeadline ?? .distantFuture
        guard let tracked = actions[id] else { return }
        let stateDueAt = min(stateDueAt, self.stateDueAt(tracked))
        actions[id]?.stateDueAt = stateDueAt
        let wakeAt = min(holdUntil, stateDueAt)
        guard wakeAt < tracked.wakeAt else { return }
        actions[id]?.wakeAt = wakeAt
        wakes.insert(.action(id), at: max(wakeAt, now + .milliseconds(1)))
        let actions = actions
        wakes.dropUntracked { actions[$0] != nil }
    }

    /// When something else is to be done about it than to let somebody go who has waited enough.
    private func stateDueAt(_ tracked: TrackedAction) -> Instant {
        var dueAt = Instant.distantFuture
        for source in policy.configured {
            let entry = tracked.entries[source]
            if let peerCall = entry.peerCall { dueAt = min(dueAt, peerCall.endsBy) }
            if entry.observed != nil, let began = entry.refreshStartedAt {
                // Whoever comes after that is served without asking.
                let heldUntil = began + policy.refreshWait
                if heldUntil > now { dueAt = min(dueAt, heldUntil) }
            }
            if let flight = entry.flight {
                dueAt = min(dueAt, flight.stageDeadline)
            } else if entry.observed != nil, entry.deferred == nil, tracked.isWatched(at: source) {
                // Due and not deferred: there was no place in the queue.
                let callableAt = callableAt(tracked, source, watched: true)
                dueAt = min(dueAt, callableAt > now ? callableAt : now + Self.queueFullWait)
            }
        }
        return dueAt
    }
}
