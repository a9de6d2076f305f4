// Which budgets are spent, as the store has said, and until when.

/// The budget classes and key holders of one upstream that have no calls left.
struct SpentBudgets: Sendable {
    private var classes: [BudgetClass: Spent] = [:]
    /// Key holders that have used up their part of what unknown ids may use.
    private var holders: [String: Spent] = [:]

    private struct Spent {
        var kind: BudgetKind
        var until: Instant

        var block: Blocked { Blocked(reason: .budget(kind), until: until) }
    }

    /// It opens last of all that is spent: whom it does not close waits no longer than others.
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

    /// What keeps a key holder from having ids looked up that nobody knows.
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

    /// It counts what one key holder has had looked up.
    var isOfHolder: Bool { self == .minuteHolder || self == .dayHolder }
}
