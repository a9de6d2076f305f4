import TestSupport
import Testing

@testable import StatusCore

/// The shares of unknown ids' calls (invariant 7): of ids that got a 404, and of each key holder.
@Suite struct UnknownShareTests {
    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    private func ids(_ driver: TrackerDriver) -> [String] { driver.callsMade.map(\.id.text) }

    @Test(arguments: [BudgetKind.minuteNotFound, .dayNotFound])
    func aSpentShareOfDeadIDsDoesNotAffectNewOnes(kind: BudgetKind) {
        var driver = vouchersOnly()
        for id in ["aa_dead1", "aa_dead2"] {
            driver.ask(id)
            driver.fail(.notFound)
        }
        driver.advance(.seconds(31))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), kind)]
        let dead = driver.ask("aa_dead1")
        expectEqual(driver.replies[dead].problem?.retryAt, driver.now + .seconds(50))
        expectEqual(driver.reply(to: "aa_dead2").problem?.retryAt, driver.now + .seconds(50))
        driver.ask("aa_newborn")
        expectEqual(ids(driver), ["aa_dead1", "aa_dead2", "aa_newborn"])
        driver.advance(.seconds(50))
        expectEqual(ids(driver).suffix(2), ["aa_dead1", "aa_dead2"])
    }

    /// Another process has got the 404.
    @Test func aDeadIDThatIsNewHereDoesNotBlockNewOnes() {
        var driver = vouchersOnly()
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), .minuteNotFound)]
        driver.ask("aa_dead")
        driver.ask("aa_newborn")
        expectEqual(ids(driver), ["aa_newborn"])
        driver.advance(.seconds(50))
        expectEqual(ids(driver), ["aa_newborn", "aa_dead"])
    }

    @Test func deadIDsMayUseAQuarterOfTheCallsLeft() {
        var driver = vouchersOnly()
        for id in ["aa_dead1", "aa_dead2"] {
            driver.ask(id)
            driver.fail(.notFound)
        }
        driver.learn("aa_known", .succeeded)
        driver.advance(.seconds(31))
        driver.ask("aa_other")
        driver.answer(.pending, hints: RateHints(remaining: 4))
        for id in ["aa_dead1", "aa_dead2", "aa_new1", "aa_new2"] { driver.ask(id) }
        expectEqual(ids(driver).suffix(2), ["aa_dead1", "aa_new1"])
    }

    @Test(arguments: [BudgetKind.minuteHolder, .dayHolder])
    func aSpentShareOfOneCallerDoesNotAffectOthers(kind: BudgetKind) {
        var driver = vouchersOnly()
        driver.learn("aa_known")
        driver.advance(.seconds(31))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), kind)]
        let end = driver.now + .seconds(50)
        for id in ["aa_1", "aa_2"] {
            let caller = driver.ask(id, holder: "greedy")
            let problem = driver.replies[caller].problem
            expectEqual(problem?.retryAt, end)
            expectEqual(problem?.sources.map(\.outcome), ["budget-spent-\(kind.rawValue)"])
        }
        driver.ask("aa_2", holder: "modest")
        driver.ask("aa_3")
        driver.ask("aa_known", holder: "greedy")
        expectEqual(ids(driver).dropFirst(), ["aa_2", "aa_3", "aa_known"])
        expectEqual(driver.store.holders.compactMap { $0 }, ["greedy", "modest", "greedy"])
        driver.advance(.seconds(50))
        driver.ask("aa_1", holder: "greedy")
        expectEqual(driver.calls.last?.key.id, .of("aa_1"))
    }

    @Test func refreshesBeyondACallersShareAreNotReservedRepeatedly() {
        var driver = vouchersOnly()
        driver.heldBack = [.reserve]
        let callers = (1...40).map { driver.ask("aa_\($0)", holder: "greedy") }
        driver.ask("aa_41", holder: "modest")
        // For as many as are reserved at once; the next one would be granted, whosever it is.
        let spent = ReservationReply.Verdict.budgetSpent(opensIn: .seconds(50), .minuteHolder)
        driver.store.verdicts = Array(repeating: spent, count: UpstreamState.startingMax)
        driver.store.verdicts.insert(.granted(FencingToken(99)), at: 1)
        driver.release()
        expectEqual(ids(driver), ["aa_41"])
        #expect(callers.allSatisfy { driver.replies[$0].problem != nil })
    }
}
