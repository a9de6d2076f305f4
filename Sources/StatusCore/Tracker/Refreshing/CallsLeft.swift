// The number of calls left, as the upstream reports it.

/// The reported number of calls left, minus those granted since.
struct CallsLeft: Sendable {
    private var known: Int
    /// The share of unknown ids, and of ids that have got 404.
    private var unknown: Int
    private var notFound: Int
    let until: Instant
    /// Until then an answer can only lower their share, since they have used part of it.
    private var unknownUntil: Instant

    /// How long it is valid if the upstream gives no time.
    static let span = Duration.seconds(60)

    /// `left` does not count calls under way. `before`: the previous report.
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
