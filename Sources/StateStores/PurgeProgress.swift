// The progress of a purge that goes through a store in small steps.

/// The progress of a purge. Between its steps other operations have their turn.
struct PurgeProgress: Sendable {
    var stage = Stage.entries(after: Cursor(id: "", source: ""))
    /// The answers, misses, gates and calls deleted so far.
    var dropped = 0

    enum Stage: Sendable {
        case entries(after: Cursor)
        case calls
        case done
    }

    /// An entry's key, by which the purge is ordered.
    struct Cursor: Sendable {
        var id: String
        var source: String
    }
}
