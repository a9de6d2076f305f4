// Up to where a store has been searched for calls that others have completed.

import StatusCore

/// The net under notifications that get lost, and all that there is between processes that share a file.
///
/// Every completion is written with the store's next revision, and revisions are committed in their order:
/// whoever has seen one has seen all before it.
struct ChangeCursor {
    /// How often a store is asked.
    static let interval = Duration.milliseconds(400)

    /// The revision up to which nothing is new; nil: not asked yet.
    private(set) var since: Int64?

    /// Nobody else has written anything before that.
    mutating func skip(to revision: Int64) { since = since.map { max($0, revision) } }

    /// `revision` was current when the store was searched. One that was set back is searched from there.
    mutating func searched(to revision: Int64) { since = revision }
}
