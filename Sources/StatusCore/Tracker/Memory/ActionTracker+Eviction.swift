// Eviction from memory. Gates and states stay in the store.

import DequeModule

extension ActionTracker {
    mutating func forget(_ id: ActionID) {
        let tracked = actions[id]
        actions[id] = nil
        countPending(nil, tracked?.pendingAt)
        if tracked?.published != nil { effects.append(.withdraw(id)) }
    }

    /// Retires a finished action once it is published and has no callers: nothing can change, and
    /// callers get the published answer. Most actions in memory are retired.
    mutating func retireIfFinished(_ id: ActionID) {
        guard let tracked = actions[id], !tracked.isBusy, let published = tracked.published,
            published.answer.document.isDone
        else { return }
        actions.retire(id, published)
    }

    /// Updates the size of an action.
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

    /// Evicts actions beyond the bounds of memory. Actions in use are skipped, and can exceed the
    /// bounds.
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
            guard let tracked = actions[id] else { continue }  // evicted before
            if tracked.isBusy || tracked.hasSecondChance {
                actions[id]?.hasSecondChance = false
                evictions.insert(place)
            } else {
                forget(id)
            }
        }
    }
}

/// Actions in the order of their last second chance. A loaded action is in it once.
struct EvictionQueue: Sendable {
    /// The most actions that a step checks, so that the hand makes progress and no step is long.
    static let visitsMax = 16

    private var order: Deque<ActionTable.Place> = []

    var places: some Sequence<ActionTable.Place> { order }

    mutating func insert(_ place: ActionTable.Place) { order.append(place) }

    /// Removes the next action to check, while the bounds are exceeded.
    mutating func popSurplus(overActions actions: Int, isOverBytes: Bool) -> ActionTable.Place? {
        order.count > actions || isOverBytes ? order.popFirst() : nil
    }
}

extension ActionDocument {
    /// The size of the state and its compressed form.
    var heldBytes: Int { bytes.count + (compressed?.bytes.count ?? 0) }
}
