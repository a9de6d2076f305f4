// The last calls to one upstream, for who asks what was done for an action.

import DequeModule

/// One call that this process made.
public struct MadeCall: Sendable, Equatable {
    public var endedAt: Instant
    public var took: Duration
    /// `answered`, or a fault's kind.
    public var outcome: String
    /// False when nothing reached the network.
    public var wasSent: Bool
}

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
