// The last calls to one upstream, for who asks what was done for an action.

import DequeModule

/// The last calls to one upstream, oldest first: few words for many actions.
struct CallLog: Sendable {
    static let callsMax = 4096

    private var calls: Deque<(id: ActionID, call: MadeCall)> = []
    /// Of their ids: to look for one is a matter of comparing numbers.
    private var hashes: Deque<Int> = []
    /// Calls that were sent.
    private(set) var made = 0
    /// Actions that were found done.
    private(set) var finished = 0
    /// When the last state came.
    private(set) var lastAnsweredAt: Instant?

    mutating func append(_ id: ActionID, _ call: MadeCall, _ outcome: CallOutcome) {
        if call.wasSent { made += 1 }
        if case .answered = outcome { lastAnsweredAt = call.endedAt }
        if calls.count == Self.callsMax {
            calls.removeFirst()
            hashes.removeFirst()
        }
        calls.append((id, call))
        hashes.append(id.hashValue)
    }

    mutating func foundDone() { finished += 1 }

    /// Newest first.
    func last(_ count: Int) -> [MadeCall] { calls.reversed().prefix(count).map(\.call) }

    /// Newest first.
    func last(_ count: Int, of id: ActionID) -> [MadeCall] {
        let hash = id.hashValue
        var found: [MadeCall] = []
        for index in hashes.indices.reversed() where hashes[index] == hash {
            if calls[index].id == id { found.append(calls[index].call) }
            if found.count == count { break }
        }
        return found
    }
}
