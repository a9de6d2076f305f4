// What memory lets go of. Gates and states stay in the store.

extension ActionTracker {
    mutating func forget(_ id: ActionID) {
        let tracked = actions.removeValue(forKey: id)
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

    /// Drops what memory holds beyond its bound. Actions in use are passed over, so that the bound can be
    /// exceeded by them.
    mutating func evictSurplus() {
        for _ in 0..<EvictionQueue.visitsMax {
            guard let id = evictions.popSurplus(over: policy.actionsMax) else { return }
            if actions[id] == nil, retired.removeValue(forKey: id) != nil {
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
