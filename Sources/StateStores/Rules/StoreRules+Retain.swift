// What is past its use: entries by their age, journal lines by theirs.

import StatusCore

/// How long and how many calls the journal keeps.
enum JournalLimits {
    /// The history that can be relied on: an hour more than the longest budget window.
    static let span = Duration.seconds(25 * 3600)
    /// Calls beyond this many are dropped early, but not while an audit of a day needs them.
    static let callsMax = 1_000_000

    /// Whether a call can be dropped that was granted then; tokens up to `last` have been granted.
    static func isOver(
        _ token: FencingToken, _ reserved: Instant, last: FencingToken, callsMax: Int,
        at now: Instant
    ) -> Bool {
        if now - reserved > span { return true }
        return last.number - token.number >= callsMax && now - reserved > BudgetLimits.dayWindow
    }
}

extension StoreRules {
    /// What is left of an entry; nil: nothing. Ages are the store clock's: a wall clock that is set ahead
    /// drops nothing. Never a gate that could still be shut.
    static func retain(
        _ entry: StoredEntry, _ retention: Retention, at now: Instant
    ) -> (entry: StoredEntry?, dropped: Int) {
        var entry = entry
        var dropped = 0
        if let answer = entry.answer,
            now - answer.told.time > (answer.isDone ? retention.terminalTTL : retention.staleMax)
        {
            entry.answer = nil
            dropped += 1
        }
        if let negative = entry.negative, now - negative.ended.time > retention.missMax {
            entry.negative = nil
            entry.notFoundSince = nil
            dropped += 1
        }
        let isBare = entry.answer == nil && entry.negative == nil
        if isBare, entry.opens <= now, now - entry.opens > retention.missMax {
            return (nil, dropped + 1)
        }
        return (entry, dropped)
    }
}
