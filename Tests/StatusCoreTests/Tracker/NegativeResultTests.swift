import TestSupport
import Testing

@testable import StatusCore

@Suite struct NegativeResultTests {
    private let id = Shape.voucher
    private let slew = GateTiming.slew

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    /// Asks just before and at `interval` after the last call, which fails again.
    private func expectNextRefresh(
        _ driver: inout TrackerDriver, after interval: Duration, _ kind: UpstreamFault.Kind
    ) {
        driver.advance(interval - .milliseconds(1))
        driver.ask(id)
        #expect(driver.calls.isEmpty)
        driver.advance(.milliseconds(1) + slew)
        driver.ask(id)
        expectEqual(driver.calls.count, 1)
        driver.fail(kind)
    }

    @Test func theFirstNotFoundsAreRepeatedAtTheShortestIntervalThenItGrows() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notFound)
        for seconds in [30, 30, 30, 60, 120, 240, 300, 300] {
            expectNextRefresh(&driver, after: .seconds(seconds), .notFound)
        }
    }

    @Test func anIDIsLookedUpOnceAnHourAfterAnHourOf404s() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notFound)
        let first = driver.now
        var looks = 0
        while driver.now - first < .seconds(3600), looks < 100 {
            driver.advance(.seconds(1))
            driver.ask(id)
            guard !driver.calls.isEmpty else { continue }
            driver.fail(.notFound)
            looks += 1
        }
        expectEqual(looks, 16)
        driver.advance(.seconds(301))
        driver.ask(id)
        driver.fail(.notFound)
        for _ in 1...2 { expectNextRefresh(&driver, after: .seconds(3600), .notFound) }
        // Later callers know the reason, too.
        driver.restart(.both(orders: nil))
        expectNextRefresh(&driver, after: .seconds(3600) - slew, .notFound)
        driver.advance(.seconds(3601))
        driver.learn(id)
        driver.advance(.seconds(301))
        driver.ask(id)
        driver.fail(.notFound)
        expectNextRefresh(&driver, after: .seconds(30), .notFound)
    }

    @Test func anUnrequestedNotFoundIsDroppedAfterADay() throws {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notFound)
        let action = try #require(ActionID(id))
        driver.advance(Entry.negativeMax)
        driver.ask(id)
        #expect(driver.tracker.actions[action]?.entries[.vouchers].notFoundSince == nil)
        driver.fail(.notFound)
        expectNextRefresh(&driver, after: .seconds(30), .notFound)
    }

    /// Otherwise each costs every replica a row whenever it reconnects.
    @Test func deadIdsAreNotReReadForEver() {
        var driver = vouchersOnly()
        for number in 1...50 {
            driver.ask("aa_\(number)")
            driver.fail(.notFound)
        }
        for (pass, count) in [(Duration.zero, 50), (Entry.negativeMax, 0)] {
            driver.advance(pass)
            let before = driver.rereads.joined().count
            driver.step(.notified(.missed))
            expectEqual(driver.rereads.joined().count - before, count)
        }
    }

    @Test func aLongerMaximumThanAnHourApplies() {
        let limits = SourcePolicy(
            minInterval: .seconds(30), maxInterval: .seconds(7200), callDeadline: .seconds(10),
            budget: BudgetLimits(perMinute: 60, perDay: nil))
        let interval = Freshness.notFoundInterval(
            repeats: 20, lasted: .seconds(9000), age: .seconds(9000), limits)
        expectEqual(interval, .seconds(7200))
    }

    @Test func failuresInARowGrowFromTheStart() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notJSON)
        for seconds in [30, 60, 120, 240, 300, 300] {
            expectNextRefresh(&driver, after: .seconds(seconds), .notJSON)
        }
    }

    @Test func anAnswerEndsTheRowOfFailures() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notJSON)
        expectNextRefresh(&driver, after: .seconds(30), .notJSON)
        driver.advance(.seconds(61))
        driver.learn(id)
        driver.advance(.seconds(31))
        driver.ask(id)
        driver.fail(.notJSON)
        expectNextRefresh(&driver, after: .seconds(30), .notJSON)
    }

    @Test func theRowOfFailuresSurvivesARestart() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notJSON)
        expectNextRefresh(&driver, after: .seconds(30), .notJSON)
        expectNextRefresh(&driver, after: .seconds(60), .notJSON)
        driver.restart(.both(orders: nil))
        expectNextRefresh(&driver, after: .seconds(120), .notJSON)
    }

    @Test func aStoredNotFoundHasTheTimeOfTheNextCall() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.notFound)
        let missedAt = driver.now
        driver.advance(.seconds(10))
        let problem = driver.reply(to: id).problem
        expectEqual(problem?.code, .notFound)
        expectEqual(problem?.retryAt, missedAt + .seconds(30) + slew)
    }

    @Test(arguments: [
        (UpstreamFault.Kind.serverError, Problem.Code.upstreamError),
        (.unauthorized, .upstreamError), (.timedOut, .upstreamTimeout),
        (.connectFailed, .upstreamUnavailable), (.wrongAction, .upstreamError),
    ])
    func withNothingStoredAFailureIsAProblem(kind: UpstreamFault.Kind, code: Problem.Code) {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.fail(kind)
        expectEqual(driver.replies[caller].problem?.code, code)
        expectEqual(driver.reply(to: id).problem?.code, code)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test(arguments: [
        (UpstreamFault.Kind.serverError, StaleReason.error), (.timedOut, .timeout),
        (.connectionLost, .error), (.connectFailed, .unavailable), (.notFound, .notFound),
    ])
    func aFailureAfterAnAnswerServesItStale(kind: UpstreamFault.Kind, reason: StaleReason) {
        var driver = vouchersOnly()
        driver.learn(id)
        driver.advance(.seconds(31))
        let caller = driver.ask(id)
        driver.fail(kind)
        expectEqual(driver.replies[caller].answer?.staleReason, reason)
        expectEqual(driver.reply(to: id).answer?.staleReason, reason)
    }

    @Test func aNotFoundAfterAnAnswerServesItUntilStaleMax() {
        var driver = TrackerDriver(.both(orders: nil, staleMax: .seconds(600)))
        driver.learn(id)
        driver.advance(.seconds(300))
        driver.ask(id)
        driver.fail(.notFound)
        driver.advance(.seconds(299))
        driver.ask(id)
        driver.fail(.notFound)
        expectEqual(driver.reply(to: id).answer?.staleReason, .notFound)
        driver.advance(.seconds(1))
        expectEqual(driver.reply(to: id).problem?.code, .notFound)
    }

    @Test func aTimedOutCallLeavesTheGateHeld() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.advance(.seconds(10))
        driver.fail(.timedOut)
        expectEqual(driver.store.completions.map(\.gate), [.staysHeld])
        expectEqual(driver.reply(to: id).problem?.retryAt, driver.now + .seconds(33))
    }

    @Test(arguments: [(30, 30_100), (60, 60_100), (300, 300_300), (3600, 3_603_600)])
    func theGateAllowsForClocksThatDisagree(seconds: Int, milliseconds: Int) {
        let limits = SourcePolicy(
            minInterval: .seconds(seconds), maxInterval: .seconds(3600),
            callDeadline: .seconds(10), budget: BudgetLimits(perMinute: 60, perDay: nil))
        var driver = TrackerDriver(.both(orders: nil, vouchers: limits))
        driver.ask(id)
        driver.fail(.serverError)
        expectEqual(driver.store.completions.map(\.gate), [.opens(in: .milliseconds(milliseconds))])
    }

    @Test func aRetryAfterOfAFailureMovesTheActionsGate() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.serverError, hints: RateHints(retryAfter: .seconds(500)))
        expectEqual(driver.store.completions.map(\.gate), [.opens(in: .seconds(500))])
        expectEqual(driver.reply(to: id).problem?.retryAt, driver.now + .seconds(500))
    }
}

@Suite struct TerminalTests {
    private let id = Shape.voucher

    @Test func aFinishedActionIsNeverAskedAgainWhileKept() {
        var driver = TrackerDriver()
        driver.learn(id, .succeeded)
        driver.advance(.seconds(86_399))
        let answer = driver.reply(to: id).answer
        #expect(answer?.staleReason == nil && answer?.nextRefreshAt == nil)
        expectEqual(driver.callsMade.count, 1)
        driver.advance(.seconds(1))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 2)
    }

    @Test func aFinishedActionIsNotAskedAgainAfterARestart() {
        var driver = TrackerDriver()
        driver.learn(id, .succeeded)
        driver.restart()
        driver.advance(.seconds(3600))
        expectEqual(driver.reply(to: id).answer?.document.isDone, true)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func aFinishedActionIsNeverReportedAsUnfinished() throws {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.ask(id)
        // Another replica finds the final state while this one's call is in flight.
        let key = EntryKey(.vouchers, .of(id))
        driver.store.rows[key]?.answer?.document = .of(.succeeded)
        driver.store.rows[key]?.answer?.checkedAt = WallTime(milliseconds: .max / 2)
        driver.step(.reread([.of(id)], driver.store.lookUp([.of(id)], driver.now)))
        driver.answer(.inProgress)
        expectEqual(driver.reply(to: id).answer?.document.isDone, true)
        #expect(driver.notes.contains(.terminalRegressed(key)))
    }
}
