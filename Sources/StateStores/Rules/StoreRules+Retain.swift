// Decides what is no longer needed: entries and journal lines, by age.

import StatusCore

/// The time and the number of calls that the journal keeps.
enum JournalLimits {
    /// The guaranteed history: an hour more than the longest budget window.
    static let span = Duration.seconds(25 * 3600)
    /// Calls beyond this number are deleted early, but not while an audit of a day needs them.
    static let callsMax = 1_000_000

    /// Whether a call that was granted then can be deleted; tokens up to `last` have been granted.
    static func isOver(
        _ token: FencingToken, _ reserved: Instant, last: FencingToken, callsMax: Int,
        at now: Instant
    ) -> Bool {
        if now - reserved > span { return true }
        return last.number - token.number >= callsMax && now - reserved > BudgetLimits.dayWindow
    }
}

extension StoreRules {
    /// The part of an entry that is kept; nil: nothing. Ages are on the store's clock, so that
    /// setting the wall clock ahead deletes nothing. A gate that could still be shut is always
    /// kept.
    static func retain(
        _ entry: StoredEntry, _ retention: Retention, at now: Instant
    ) -> (entry: StoredEntry?, dropped: Int) {
        var entry = entry
        var dropped = 0
        if let answer = entry.answer,
            now - answer.answered.time
                > (answer.isDone ? retention.terminalTTL : retention.staleMax)
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
