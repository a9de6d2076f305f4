// The last calls to one upstream, for explanations.

import DequeModule

/// The last calls to one upstream, oldest first, for all actions in little memory.
struct CallLog: Sendable {
    static let callsMax = 4096

    private var calls: Deque<(id: ActionID, call: MadeCall)> = []
    /// The hashes of their ids, so that a search compares numbers.
    private var hashes: Deque<Int> = []
    /// The number of sent calls.
    private(set) var made = 0
    /// The number of actions that were found done.
    private(set) var finished = 0
    /// When the last state arrived.
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
