// In which order memory lets go of actions: the clock hand of second-chance eviction.

import DequeModule

/// Actions in the order of their last second chance. Each stands in it once, from when it is loaded on.
struct EvictionQueue: Sendable {
    /// How many actions a step looks at: the hand makes progress, and no step is long.
    static let visitsMax = 16

    private var order: Deque<ActionID> = []

    var ids: some Sequence<ActionID> { order }

    mutating func insert(_ id: ActionID) { order.append(id) }

    /// Takes out the next to be looked at, while there are more than that many.
    mutating func popSurplus(over most: Int) -> ActionID? {
        order.count > most ? order.popFirst() : nil
    }
}
