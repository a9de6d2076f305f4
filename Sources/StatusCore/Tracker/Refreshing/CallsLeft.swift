// The upstream's own word on how many calls are left.

/// What an upstream has said is left, less what was granted since.
struct CallsLeft: Sendable {
    private var known: Int
    /// Of them, what other ids than known ones may use, and of that those that have read as 404.
    private var unknown: Int
    private var notFound: Int
    let until: Instant
    /// Until then an answer can only lower their share: what they have used is not left to them.
    private var unknownUntil: Instant

    /// How long it counts when the upstream does not say.
    static let span = Duration.seconds(60)

    /// `left` does not count the calls on their way. `before`: what was said before.
    init(_ left: Int, until: Instant, after before: CallsLeft?, now: Instant) {
        known = left
        unknown = left > 0 ? BudgetLimits.unknownShare(of: left) : 0
        notFound = left > 0 ? BudgetLimits.shareOfUnknown(unknown) : 0
        self.until = until
        unknownUntil = until
        guard let before, before.unknownUntil > now else { return }
        unknown = min(unknown, before.unknown)
        notFound = min(notFound, before.notFound)
        unknownUntil = min(before.unknownUntil, until)
    }

    subscript(budget: BudgetClass) -> Int {
        switch budget {
        case .known: known
        case .unknown: min(known, unknown)
        case .notFound: min(known, unknown, notFound)
        }
    }

    mutating func granted(_ budget: BudgetClass) {
        known -= 1
        if budget != .known { unknown -= 1 }
        if budget == .notFound { notFound -= 1 }
    }
}
