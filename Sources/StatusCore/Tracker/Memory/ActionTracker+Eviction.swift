// What memory lets go of. Gates and states stay in the store.

extension ActionTracker {
    mutating func forget(_ id: ActionID) {
        let tracked = actions[id]
        actions[id] = nil
        countPending(nil, tracked?.pendingAt)
        if tracked?.published != nil { effects.append(.withdraw(id)) }
    }

    /// Lets go of a finished action once it is published and nobody is concerned with it: nothing
    /// can happen to it, and whoever asks is served what is published. Such actions are most of what
    /// is kept.
    mutating func retireIfFinished(_ id: ActionID) {
        guard let tracked = actions[id], !tracked.isBusy, let published = tracked.published,
            published.answer.document.isDone
        else { return }
        actions.retire(id, published)
    }

    /// Counts anew what is held of an action.
    mutating func weigh(_ id: ActionID) {
        guard let tracked = actions[id] else {
            let retired = actions.retired(id)
            return actions.setBytes(retired?.answer.document.heldBytes ?? 0, of: id)
        }
        let size = policy.configured.reduce(0) { sum, source in
            sum + (tracked.entries[source].observed?.document.heldBytes ?? 0)
        }
        actions.setBytes(size, of: id)
        countPending(id)
    }

    /// Drops what memory holds beyond its bounds. Actions in use are passed over, so that the bounds can
    /// be exceeded by them.
    mutating func evictSurplus() {
        for _ in 0..<EvictionQueue.visitsMax {
            let next = evictions.popSurplus(
                overActions: policy.actionsMax, isOverBytes: actions.bytes > policy.bytesMax)
            guard let place = next, let id = actions.id(at: place) else { return }
            if actions[id] == nil, actions.takeRetired(id) != nil {
                effects.append(.withdraw(id))
                continue
            }
            actions[id]?.expire(now, policy)
            guard let tracked = actions[id] else { continue }  // forgotten before
            if tracked.isBusy || tracked.hasSecondChance {
                actions[id]?.hasSecondChance = false
                evictions.insert(place)
            } else {
                forget(id)
            }
        }
    }
}
