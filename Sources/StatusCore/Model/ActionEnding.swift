// Figures of an ended action, for metrics.

/// What the upstream said of an ended action's run. No store keeps it: it is counted when it is learned.
///
/// A class: most documents have none, and room for it in each would be half of what else they take.
public final class ActionEnding: Sendable, Equatable {
    /// How many errors of each class are listed.
    public let errors: [ErrorClass: Int]
    /// From its creation to its end; nil when the upstream does not say.
    public let took: Duration?

    public init(errors: [ErrorClass: Int], took: Duration?) {
        self.errors = errors
        self.took = took
    }

    init(_ action: Action) {
        errors = action.errors.reduce(into: [:]) { $0[$1.errorClass, default: 0] += 1 }
        let created = action.createdAt.flatMap(RFC3339.parse)
        let updated = action.updatedAt.flatMap(RFC3339.parse)
        if let created, let updated, updated >= created {
            took = updated - created
        } else {
            took = action.processingTimeMilliseconds.map { .milliseconds(max(0, $0)) }
        }
    }

    public static func == (a: ActionEnding, b: ActionEnding) -> Bool {
        a.errors == b.errors && a.took == b.took
    }
}
