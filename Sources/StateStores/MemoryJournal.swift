// A journal in memory: events come in, calls go out, in the order of their grants.

import StatusCore

struct MemoryJournal: Sendable {
    private var granted: [FencingToken: GrantedCall] = [:]
    private var completed: [FencingToken: CompletedCall] = [:]

    /// Takes the events that decisions have added.
    mutating func take(from state: inout StoreState) {
        for event in state.events {
            switch event {
            case .granted(let call): granted[call.token] = call
            // The first completion counts, since it may be repeated.
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

    /// Deletes old calls; returns their number.
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
    /// Deletes what is no longer needed; returns the number of answers, misses and gates.
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
