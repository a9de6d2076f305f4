// Second-chance eviction (the clock algorithm), bounded by the number of actions and by the bytes
// of their states.

import DequeModule

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
