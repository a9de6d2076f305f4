// How long and how many calls the journal keeps.

import StatusCore

enum JournalLimits {
    /// The history that can be relied on: an hour more than the longest budget window.
    static let span = Duration.seconds(25 * 3600)
    /// Calls beyond this many are dropped early, but never while a window can still count them: over
    /// it, the journal is as long as the calls that the budgets allow in a day.
    static let rowsMax = 1_000_000
}
