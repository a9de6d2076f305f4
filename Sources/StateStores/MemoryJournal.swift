// A journal in memory: events in, calls out, in the order in which they were granted.

import StatusCore

struct MemoryJournal: Sendable {
    private var granted: [FencingToken: GrantedCall] = [:]
    private var completed: [FencingToken: CompletedCall] = [:]

    /// Takes over what decisions have added.
    mutating func take(from state: inout StoreState) {
        for event in state.events {
            switch event {
            case .granted(let call): granted[call.token] = call
            // The first word counts: it may have been said twice.
            case .completed(let call) where completed[call.token] == nil:
                completed[call.token] = call
            case .completed: break
            }
        }
        state.events = []
    }

    func has(_ token: FencingToken) -> Bool { granted[token] != nil }

    var tokens: Set<FencingToken> { Set(granted.keys) }

    func isCompleted(_ token: FencingToken) -> Bool { completed[token] != nil }

    var calls: [JournaledCall] {
        granted.keys.sorted().compactMap { token in
            granted[token].map { JournaledCall($0, completed[token]) }
        }
    }

    /// Drops what is past its use; tells how many calls that were.
    mutating func purge(last: FencingToken, at now: Instant) -> Int {
        let old = granted.values.filter {
            JournalLimits.isOver(
                $0.token, $0.reserved.time, last: last, callsMax: JournalLimits.callsMax, at: now)
        }
        for call in old {
            granted[call.token] = nil
            completed[call.token] = nil
        }
        return old.count
    }
}

extension StoreState {
    /// Drops what is past its use; tells how many answers, misses and gates that were.
    mutating func purge(_ retention: Retention, at now: Instant) -> Int {
        var dropped = 0
        for entry in entries {
            let key = entry.key
            let left = StoreRules.retain(entry, retention, at: now)
            guard left.dropped > 0 else { continue }
            dropped += left.dropped
            entries[key] = left.entry
            if left.entry?.answer == nil { documents[key] = nil }
        }
        return dropped
    }
}
