// What memory lets go of, and when: the clock hand of second-chance eviction, bounded by the number of
// actions and by the bytes of their states.

import DequeModule

/// Actions in the order of their last second chance, and what is held of each. An action stands in the
/// order once, from when it is loaded on.
struct EvictionQueue: Sendable {
    /// How many actions a step looks at: the hand makes progress, and no step is long.
    static let visitsMax = 16

    private var order: Deque<ActionID> = []
    private var sizes: [ActionID: Int] = [:]
    /// Of all states together, and of their compressed forms.
    private(set) var bytes = 0

    var ids: some Sequence<ActionID> { order }

    mutating func insert(_ id: ActionID) { order.append(id) }

    /// Zero forgets the size.
    mutating func setBytes(_ size: Int, of id: ActionID) {
        let before = size == 0 ? sizes.removeValue(forKey: id) : sizes.updateValue(size, forKey: id)
        bytes += size - (before ?? 0)
    }

    /// Takes out the next to be looked at, while there is more than that of one or the other.
    mutating func popSurplus(overActions actions: Int, bytes bytesMax: Int) -> ActionID? {
        order.count > actions || bytes > bytesMax ? order.popFirst() : nil
    }
}

extension ActionDocument {
    /// Of the state and its compressed form.
    var heldBytes: Int { bytes.count + (compressed.state?.bytes.count ?? 0) }
}
