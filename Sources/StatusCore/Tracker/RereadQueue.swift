// Which actions are to be read anew from the store: urgent ones first, each once.

import DequeModule

/// Actions of which the store may know more than this process does. Only actions that are tracked
/// stand in it, so their number bounds it.
struct RereadQueue: Sendable {
    /// Look-ups under way at once: a re-read of everything must not keep reservations waiting.
    static let underWayMax = 8

    private var urgent: Deque<ActionID> = []
    private var others: Deque<ActionID> = []
    /// What stands in either; an entry that is not in it any more is void.
    private var members: Set<ActionID> = []
    private(set) var underWay = 0

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ id: ActionID, isUrgent: Bool) {
        let isNew = members.insert(id).inserted
        if isUrgent {
            urgent.append(id)
        } else if isNew {
            others.append(id)
        }
    }

    /// Takes out the next one, unless enough are under way.
    mutating func start() -> ActionID? {
        guard underWay < Self.underWayMax else { return nil }
        while let id = urgent.popFirst() ?? others.popFirst() {
            guard members.remove(id) != nil else { continue }
            underWay += 1
            return id
        }
        return nil
    }

    /// One that was started has been told, or turned out not to be needed.
    mutating func finished() { underWay -= 1 }
}
