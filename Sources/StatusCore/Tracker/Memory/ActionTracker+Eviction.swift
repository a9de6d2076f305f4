// What memory lets go of. Gates and states stay in the store.

extension ActionTracker {
    mutating func forget(_ id: ActionID) {
        let tracked = actions.removeValue(forKey: id)
        countPending(nil, tracked?.pendingAt)
        evictions.setBytes(0, of: id)
        if tracked?.published != nil { effects.append(.withdraw(id)) }
    }

    /// Lets go of a finished action once it is published and nobody is concerned with it: nothing
    /// can happen to it, and whoever asks is served what is published. Such actions are most of what
    /// is kept.
    mutating func retireIfFinished(_ id: ActionID) {
        guard let tracked = actions[id], !tracked.isBusy, let published = tracked.published,
            published.answer.document.isDone
        else { return }
        actions[id] = nil
        retired[id] = published.shared
    }

    /// Counts anew what is held of an action.
    mutating func weigh(_ id: ActionID) {
        guard let tracked = actions[id] else {
            return evictions.setBytes(retired[id]?.value.document.heldBytes ?? 0, of: id)
        }
        let size = policy.configured.reduce(0) { sum, source in
            sum + (tracked.entries[source].observed?.document.heldBytes ?? 0)
        }
        evictions.setBytes(size, of: id)
        countPending(id)
    }

    /// Drops what memory holds beyond its bounds. Actions in use are passed over, so that the bounds can
    /// be exceeded by them.
    mutating func evictSurplus() {
        for _ in 0..<EvictionQueue.visitsMax {
            let next = evictions.popSurplus(
                overActions: policy.actionsMax, bytes: policy.bytesMax)
            guard let id = next else { return }
            if actions[id] == nil, retired.removeValue(forKey: id) != nil {
                evictions.setBytes(0, of: id)
                effects.append(.withdraw(id))
                continue
            }
            actions[id]?.expire(now, policy)
            guard let tracked = actions[id] else { continue }  // forgotten before
            if tracked.isBusy || tracked.hasSecondChance {
                actions[id]?.hasSecondChance = false
                evictions.insert(id)
            } else {
                forget(id)
            }
        }
    }
}
