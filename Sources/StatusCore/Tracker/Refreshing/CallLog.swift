// The last calls to one upstream, for who asks what was done for an action.

import DequeModule

/// The last calls to one upstream, oldest first: few words for many actions.
struct CallLog: Sendable {
    static let callsMax = 4096

    private var calls: Deque<(id: ActionID, call: MadeCall)> = []

    mutating func append(_ id: ActionID, _ call: MadeCall) {
        if calls.count == Self.callsMax { calls.removeFirst() }
        calls.append((id, call))
    }

    /// Newest first.
    func last(_ count: Int, of id: ActionID) -> [MadeCall] {
        Array(calls.reversed().lazy.filter { $0.id == id }.map(\.call).prefix(count))
    }
}
