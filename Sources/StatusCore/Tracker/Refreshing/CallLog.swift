// The last calls to one upstream, for who asks what was done for an action.

import DequeModule

/// The last calls to one upstream, oldest first: few words for many actions.
struct CallLog: Sendable {
    static let callsMax = 4096

    private var calls: Deque<(id: ActionID, call: MadeCall)> = []
    /// Calls that were sent.
    private(set) var made = 0
    /// Actions that were found done.
    private(set) var finished = 0
    /// When the last state came.
    private(set) var lastAnsweredAt: Instant?

    mutating func append(_ id: ActionID, _ call: MadeCall, _ outcome: CallOutcome) {
        if call.wasSent { made += 1 }
        if case .answered = outcome { lastAnsweredAt = call.endedAt }
        if calls.count == Self.callsMax { calls.removeFirst() }
        calls.append((id, call))
    }

    mutating func foundDone() { finished += 1 }

    /// Newest first.
    func last(_ count: Int) -> [MadeCall] { calls.reversed().prefix(count).map(\.call) }

    /// Newest first.
    func last(_ count: Int, of id: ActionID) -> [MadeCall] {
        Array(calls.reversed().lazy.filter { $0.id == id }.map(\.call).prefix(count))
    }
}
