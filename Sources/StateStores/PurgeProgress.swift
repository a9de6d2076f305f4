// How far a purge has come that goes through a store in small steps.

/// How far a purge has come. Between its steps other operations have their turn.
struct PurgeProgress: Sendable {
    var stage = Stage.looks(after: Cursor(source: "", id: ""))
    /// Answers, misses, gates and calls dropped so far.
    var dropped = 0

    enum Stage: Sendable {
        case looks(after: Cursor)
        case calls
        case done
    }

    struct Cursor: Sendable {
        var source: String
        var id: String
    }
}
