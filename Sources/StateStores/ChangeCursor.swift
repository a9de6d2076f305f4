// The position up to which a store has been searched for calls that other processes have completed.

import StatusCore

/// A fallback for lost notifications, and the only way between processes that share a file.
///
/// Every completion is written with the store's next revision, and revisions are committed in
/// order, so a reader that has seen one has seen all before it.
struct ChangeCursor {
    /// How often a store is queried.
    static let interval = Duration.milliseconds(400)

    /// The revision up to which all changes are known; nil: nothing has been read yet.
    private(set) var since: Int64?

    /// The store is being read, at that revision or a later one: from now on changes matter.
    mutating func reading(at revision: Int64) { since = since ?? revision }

    /// No other process has written anything before that revision.
    mutating func skip(to revision: Int64) { since = since.map { max($0, revision) } }

    /// `revision` was current when the store was searched. A store that was set back is searched
    /// from there.
    mutating func searched(to revision: Int64) { since = revision }
}
