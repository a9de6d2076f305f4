// How far a purge has come that goes through a store in small steps.

/// How far a purge has come. Between its steps other operations have their turn.
struct PurgeProgress: Sendable {
    var stage = Stage.entries(after: Cursor(id: "", source: ""))
    /// Answers, misses, gates and calls dropped so far.
    var dropped = 0

    enum Stage: Sendable {
        case entries(after: Cursor)
        case calls
        case done
    }

    /// An entry's key, in the order of which the purge goes.
    struct Cursor: Sendable {
        var id: String
        var source: String
    }
}
