// The spent budgets, as the store has reported them, and until when.

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
