import TestSupport
import Testing

@testable import StatusCore

@Suite struct BudgetTests {
    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    private func ids(_ driver: TrackerDriver) -> [String] { driver.callsMade.map(\.id.text) }

    @Test(arguments: [BudgetKind.minute, .day])
    func aSpentBudgetClosesAllClasses(kind: BudgetKind) {
        var driver = vouchersOnly()
        driver.learn("aa_known")
        driver.advance(.seconds(31))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), kind)]
        let caller = driver.ask("aa_1")
        expectEqual(driver.replies[caller].problem?.retryAt, driver.now + .seconds(50))
        expectEqual(
            driver.replies[caller].problem?.sources.map(\.outcome),
            [
                "budget-spent-\(kind.rawValue)"
            ])
        expectEqual(driver.reply(to: "aa_known").answer?.staleReason, .budgetSpent)
        expectEqual(driver.callsMade.count, 1)
        driver.advance(.seconds(50))
        expectEqual(ids(driver).suffix(2).sorted(), ["aa_1", "aa_known"])
    }

    @Test(arguments: [BudgetKind.minuteUnknown, .dayUnknown])
    func aSpentShareOfUnknownIdsDoesNotAffectKnownOnes(kind: BudgetKind) {
        var driver = vouchersOnly()
        driver.learn("aa_known")
        driver.advance(.seconds(31))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), kind)]
        driver.ask("aa_1")
        driver.ask("aa_2")
        driver.ask("aa_known")
        expectEqual(ids(driver), ["aa_known", "aa_known"])
    }

    @Test func knownIdsWaitNoLongerThanOthers() {
        var driver = vouchersOnly()
        driver.learn("aa_known")
        driver.advance(.seconds(31))
        driver.heldBack = [.reserve]
        driver.ask("aa_known")
        driver.ask("aa_1")
        // The first report is older: by the second, the spent budget opens in twenty seconds.
        driver.store.verdicts = [
            .budgetSpent(opensIn: .seconds(50), .minute),
            .budgetSpent(opensIn: .seconds(20), .minuteUnknown),
        ]
        driver.release()
        driver.advance(.seconds(20))
        expectEqual(ids(driver).dropFirst().sorted(), ["aa_1", "aa_known"])
    }

    @Test func aCallBeyondTheConcurrentLimitWaits() {
        var driver = TrackerDriver(.both(vouchers: nil, actionsMax: 10_000))
        for number in 0..<UpstreamState.callingMax + 10 { driver.ask("order-\(number)") }
        expectEqual(driver.calls.count, UpstreamState.callingMax)
        driver.answer()
        expectEqual(driver.callsMade.count, UpstreamState.callingMax + 1)
    }

    @Test func aStoreThatForgotAnActionIsNotAskedRepeatedly() {
        var driver = vouchersOnly()
        driver.learn("aa_1")
        driver.advance(.seconds(31))
        driver.heldBack = [.reserve]
        let caller = driver.ask("aa_1", patience: .done(deadline: driver.now + .seconds(90)))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), .minuteUnknown)]
        driver.release()
        expectEqual(driver.callsMade.count, 1, "the other verdicts would be grants")
        driver.advance(.seconds(50))
        expectEqual(driver.callsMade.count, 2)
        driver.answer(.succeeded)
        expectEqual(driver.replies[caller].answer?.document.isDone, true)
    }

    @Test func waitingCallersComeFirstThenTheOldestResult() {
        var driver = vouchersOnly()
        let names = ["aa_1", "aa_2", "aa_3", "aa_4"]
        for name in names {
            driver.learn(name)
            driver.advance(.seconds(1))
        }
        driver.advance(.seconds(40))
        driver.store.verdicts = [.paused(opensIn: .seconds(10))]
        driver.ask("aa_late")
        for name in names.reversed() { driver.ask(name) }
        driver.ask("aa_3", patience: .done(deadline: driver.now + .seconds(50)))
        driver.advance(.seconds(10))
        driver.answer(.pending)
        expectEqual(ids(driver).dropFirst(4).prefix(4), ["aa_3", "aa_1", "aa_2", "aa_4"])
    }

    @Test func heldCallersComeBeforeServedOnes() {
        var driver = vouchersOnly()
        let names = (1...40).map { "aa_\($0)" }
        for name in names + ["aa_held"] {
            driver.learn(name)
            driver.advance(.seconds(1))
        }
        driver.advance(.seconds(60))
        // One call goes first, and the refreshes of all others wait while it is in flight.
        driver.store.verdicts = [.paused(opensIn: .seconds(1))]
        driver.ask("aa_probe")
        driver.advance(.seconds(1))
        driver.ask("aa_probe")
        for name in names { driver.ask(name) }
        driver.advance(.seconds(2))
        driver.ask("aa_held", patience: .done(deadline: driver.now + .seconds(50)))
        driver.answer(.pending)
        expectEqual(ids(driver).dropFirst(41).prefix(3), ["aa_probe", "aa_held", "aa_1"])
    }

    /// Nothing is deferred yet for waiting callers when the action becomes due while calls are blocked;
    /// the next request starts the refresh for both.
    @Test func waitingCallerComesFirstAlthoughAPlainOneMadeItDue() {
        var driver = vouchersOnly()
        driver.learn("aa_old")
        driver.advance(.seconds(1))
        driver.learn("aa_waited")
        driver.advance(.seconds(5))
        driver.ask("aa_waited", patience: .done(deadline: driver.now + .seconds(300)))
        driver.store.verdicts = [.paused(opensIn: .seconds(60))]
        driver.ask("aa_probe")
        driver.advance(.seconds(40))
        driver.ask("aa_old")
        driver.ask("aa_waited")
        driver.advance(.seconds(20))
        expectEqual(ids(driver).dropFirst(2).first, "aa_waited")
    }

    @Test func callerHeldForOneUpstreamComesFirstAtTheOtherToo() {
        var driver = TrackerDriver()
        driver.learn("aa_old")
        driver.advance(.seconds(31))
        driver.store.verdicts = [.paused(opensIn: .seconds(10))]
        driver.ask("aa_old")
        // Held for the orders' answer, while the vouchers must not be called.
        driver.ask(Shape.none)
        driver.advance(.seconds(10))
        let made = driver.callsMade.dropFirst().map { "\($0.source.name) \($0.id)" }
        expectEqual(made, ["orders \(Shape.none)", "vouchers \(Shape.none)"])
    }

    @Test func callerThatNamedOneUpstreamDoesNotWaitForTheOther() {
        var driver = TrackerDriver()
        for name in ["aa_older", "aa_younger"] {
            driver.learn(name)
            driver.advance(.seconds(1))
        }
        driver.advance(.seconds(31))
        driver.store.verdicts = [.paused(opensIn: .seconds(10))]
        driver.ask("aa_older", patience: .done(deadline: driver.now + .seconds(5)))
        driver.ask(
            "aa_older", source: .orders, patience: .done(deadline: driver.now + .seconds(50)))
        driver.advance(.seconds(6))
        driver.ask("aa_younger", patience: .done(deadline: driver.now + .seconds(50)))
        driver.advance(.seconds(4))
        expectEqual(driver.callsMade.last, EntryKey(.vouchers, .of("aa_younger")))
    }

    /// A caller waits for each of these actions for an hour, and one call is allowed in each span.
    private func watching(_ names: [String], oneCallEach span: Duration) -> TrackerDriver {
        var driver = vouchersOnly()
        for name in names { driver.learn(name) }
        let end = driver.now + .seconds(3600)
        for name in names { driver.ask(name, patience: .done(deadline: end)) }
        driver.store.grantSpacing = span
        driver.advance(.seconds(1))
        return driver
    }

    @Test func underAShortBudgetEveryWatchedActionHasItsTurn() {
        let names = (1...8).map { "aa_\($0)" }
        // Eight actions that are due every thirty seconds.
        var driver = watching(names, oneCallEach: .seconds(20))
        driver.advance(.seconds(10))
        for _ in 1...32 {
            driver.advance(.seconds(20))
            expectEqual(driver.calls.count, 1)
            driver.answer(.pending)
        }
        for name in names {
            expectEqual(ids(driver).dropFirst(8).count { $0 == name }, 4)
        }
    }

    @Test func aFailingActionHasNoMoreTurnsThanOthers() {
        let names = (1...4).map { "aa_\($0)" }
        var driver = watching(names, oneCallEach: .seconds(60))
        for _ in 1...16 {
            driver.advance(.seconds(60))
            if driver.calls.first?.key.id == .of("aa_1") {
                driver.fail(.notJSON)
            } else {
                driver.answer(.pending)
            }
        }
        for name in names {
            expectEqual(ids(driver).dropFirst(4).count { $0 == name }, 4)
        }
    }

    @Test func aDeferredRefreshWithAHeldCallerComesFirst() {
        var driver = TrackerDriver(.both(vouchers: nil, actionsMax: 10_000))
        for name in ["older", "younger", "youngest"] {
            driver.learn(name, createdAgo: .seconds(3600))
            driver.advance(.seconds(1))
        }
        driver.advance(.seconds(90))
        for number in 0..<UpstreamState.callingMax { driver.ask("order-\(number)") }
        driver.ask("older", patience: .done(deadline: driver.now + .milliseconds(500)))
        for name in ["younger", "youngest"] {
            driver.ask(name, patience: .done(deadline: driver.now + .seconds(50)))
        }
        driver.advance(.milliseconds(600))
        driver.answer()
        // Not due for a caller without a wait, who is held for it since it is deferred already.
        let caller = driver.ask("older")
        #expect(driver.replies[caller] == nil)
        driver.answer()
        driver.answer()
        expectEqual(ids(driver).suffix(3), ["younger", "older", "youngest"])
    }

    @Test func aDeferredRefreshWithoutCallersIsDropped() {
        var driver = vouchersOnly()
        driver.learn("aa_1")
        driver.advance(.seconds(31))
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(3600), .day)]
        driver.ask("aa_1")
        driver.advance(.seconds(7200))
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func aRepeatedlyDeniedRefreshKeepsItsAge() {
        var driver = vouchersOnly()
        driver.learn("aa_1")
        driver.advance(.seconds(31))
        driver.ask("aa_2")
        driver.store.isDown = true
        driver.ask("aa_1")
        driver.advance(.seconds(3600))
        driver.store.isDown = false
        driver.advance(.seconds(3600))
        expectEqual(driver.callsMade.count, 2)
    }
}
