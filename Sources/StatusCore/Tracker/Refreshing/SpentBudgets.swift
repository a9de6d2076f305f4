// What is left of the budgets: as the store has reported the spent ones, and as the upstream
// reports calls.

/// The budget classes and callers of one upstream that have no calls left.
struct SpentBudgets: Sendable {
    private var classes: [BudgetClass: Spent] = [:]
    /// Callers that have used up their part of the calls for unknown ids.
    private var holders: [String: Spent] = [:]

    private struct Spent {
        var kind: BudgetKind
        var until: Instant

        var block: Blocked { Blocked(reason: .budget(kind), until: until) }
    }

    /// Of all spent budgets it opens last: other classes wait no longer.
    mutating func close(_ kind: BudgetKind, until: Instant) {
        for budget in BudgetClass.allCases {
            if kind.closes(budget) {
                classes[budget] = Spent(kind: kind, until: until)
            } else if let before = classes[budget] {
                classes[budget]?.until = min(before.until, until)
            }
        }
    }

    mutating func close(_ holder: String, _ kind: BudgetKind, until: Instant, _ now: Instant) {
        holders = holders.filter { $0.value.until > now }
        holders[holder] = Spent(kind: kind, until: until)
    }

    func blocked(_ budget: BudgetClass) -> Blocked? { classes[budget]?.block }

    /// What prevents a caller's look-ups of unknown ids.
    func blocked(holder: String?, _ now: Instant) -> Blocked? {
        guard let spent = holder.flatMap({ holders[$0] }), spent.until > now else { return nil }
        return spent.block
    }
}

extension BudgetKind {
    func closes(_ budget: BudgetClass) -> Bool {
        switch self {
        case .minute, .day: true
        case .minuteUnknown, .dayUnknown: budget != .known
        case .minuteNotFound, .dayNotFound: budget == .notFound
        case .minuteHolder, .dayHolder: false
        }
    }

    /// Whether it counts the look-ups of one caller.
    var isOfHolder: Bool { self == .minuteHolder || self == .dayHolder }
}

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
