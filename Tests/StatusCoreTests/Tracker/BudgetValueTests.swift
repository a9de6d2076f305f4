import TestSupport
import Testing

@testable import StatusCore

/// What an upstream reports as left, and what the store reports as spent.
@Suite struct BudgetValueTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)
    private static let minute = start + .seconds(60)

    @Test func unknownIDsUseHalfOfTheCallsLeftAndDeadOnesHalfOfThat() {
        var left = CallsLeft(8, until: Self.minute, after: nil, now: Self.start)
        expectEqual(BudgetClass.allCases.map { left[$0] }, [8, 4, 2])
        left.granted(.notFound)
        expectEqual(BudgetClass.allCases.map { left[$0] }, [7, 3, 1])
        // The calls they have used are not left to them when the upstream reports again.
        left = CallsLeft(7, until: Self.minute, after: left, now: Self.start + .seconds(1))
        expectEqual(BudgetClass.allCases.map { left[$0] }, [7, 3, 1])
        left = CallsLeft(8, until: Self.minute + .seconds(60), after: left, now: Self.minute)
        expectEqual(BudgetClass.allCases.map { left[$0] }, [8, 4, 2])
    }

    @Test func aSpentBudgetClosesItsClassesAndShortensTheOthers() {
        var budgets = SpentBudgets()
        budgets.close(.day, until: Self.minute + .seconds(60))
        budgets.close(.minuteUnknown, until: Self.minute)
        let ends = BudgetClass.allCases.map { budgets.blocked($0)?.until }
        expectEqual(ends, [Self.minute, Self.minute, Self.minute])
        expectEqual(budgets.blocked(.unknown)?.reason, .budget(.minuteUnknown))
        expectEqual(budgets.blocked(.known)?.reason, .budget(.day))
    }

    @Test func callersHaveSeparateShares() {
        var budgets = SpentBudgets()
        budgets.close("greedy", .minuteHolder, until: Self.minute, Self.start)
        expectEqual(budgets.blocked(holder: "greedy", Self.start)?.until, Self.minute)
        #expect(budgets.blocked(holder: "greedy", Self.minute) == nil)
        #expect(budgets.blocked(holder: "modest", Self.start) == nil)
        #expect(budgets.blocked(holder: nil, Self.start) == nil)
    }
}
