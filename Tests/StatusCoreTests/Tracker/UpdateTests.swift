import TestSupport
import Testing

@testable import StatusCore

/// A client that follows an action is answered when its state or its freshness changes.
@Suite struct UpdateTests {
    private let id = Shape.voucher
    private let turn = Duration.seconds(30) + GateTiming.slew

    /// A caller who knows the current state.
    private func followed(
        _ driver: inout TrackerDriver, source: Source? = nil, lasting: Duration = .seconds(3600)
    ) throws -> CallerID {
        let answer = try #require(driver.reply(to: id).answer)
        return driver.ask(
            id, source: source,
            patience: .update(
                from: answer.document.tag, answer.staleReason, deadline: driver.now + lasting))
    }

    private func learned() -> TrackerDriver {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        return driver
    }

    @Test func anotherStateIsAnswered() throws {
        var driver = learned()
        let caller = try followed(&driver)
        driver.advance(turn)
        driver.answer(.pending)
        #expect(driver.replies[caller] == nil)
        driver.advance(turn)
        driver.answer(.inProgress)
        expectEqual(driver.replies[caller].answer?.document.status, .inProgress)
    }

    @Test func failedRefreshIsAnsweredWithItsReasonOnceItHasLasted() throws {
        var driver = learned()
        let caller = try followed(&driver)
        driver.advance(turn)
        driver.fail(.serverError)
        #expect(driver.replies[caller] == nil)
        driver.advance(ActionTracker.reasonLastsLeast)
        expectEqual(driver.replies[caller].answer?.staleReason, .error)
        // And the end of it.
        let next = try followed(&driver)
        driver.advance(.seconds(60))
        driver.answer(.pending)
        #expect(driver.replies[next] == nil)
        driver.advance(ActionTracker.reasonLastsLeast)
        let answer = try #require(driver.replies[next].answer)
        #expect(answer.staleReason == nil)
        expectEqual(answer.document.status, .pending)
    }

    @Test func pauseIsAnsweredWhenTheRefreshIsDueAndItsEndWhenItEnds() throws {
        var driver = learned()
        let caller = try followed(&driver)
        driver.advance(.seconds(10))
        driver.store.verdicts = [.paused(opensIn: .seconds(60))]
        driver.ask("aa_other")
        driver.advance(.seconds(20))
        // Not due before.
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(100) + ActionTracker.reasonLastsLeast)
        expectEqual(driver.replies[caller].answer?.staleReason, .throttled)
        let next = try followed(&driver)
        driver.advance(.seconds(37))
        #expect(driver.replies[next] == nil)
        driver.advance(.seconds(4))
        #expect(driver.replies[next].answer != nil)
        #expect(driver.replies[next].answer?.staleReason != .throttled)
    }

    @Test func slowCallIsAnsweredWhileItIsUnderWay() throws {
        var driver = learned()
        let caller = try followed(&driver)
        driver.advance(turn + .milliseconds(900))
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(1200))
        expectEqual(driver.replies[caller].answer?.staleReason, .slow)
    }

    @Test func aReasonOfLessThanASecondIsNotReported() throws {
        var driver = learned()
        let caller = try followed(&driver)
        driver.advance(turn)
        // Nothing was sent, so the same call can be made again immediately.
        driver.fail(.connectFailed, sent: false)
        driver.advance(.milliseconds(500))
        let isStale = driver.reply(to: id).answer?.staleReason != nil
        driver.advance(.seconds(600))
        #expect(isStale || driver.replies[caller] == nil)
    }

    @Test func finishedActionIsAnsweredAtOnce() throws {
        var driver = TrackerDriver()
        driver.learn(id, .succeeded)
        let caller = try followed(&driver)
        expectEqual(driver.replies[caller].answer?.document.isDone, true)
    }

    @Test func deadlineAndDrainingEndTheWait() throws {
        var driver = learned()
        let short = try followed(&driver, lasting: .seconds(5))
        let long = try followed(&driver)
        driver.advance(.seconds(5))
        #expect(driver.replies[short].answer != nil)
        #expect(driver.replies[long] == nil)
        driver.drain()
        #expect(driver.replies[long].answer != nil)
    }

    /// The budget is spent again as soon as it refills.
    @Test func crowdBehindASpentBudgetIsCheckedOnceASecond() throws {
        let limits = SourcePolicy(
            minInterval: .seconds(1), maxInterval: .seconds(1), callDeadline: .seconds(10),
            budget: BudgetLimits(perMinute: 60, perDay: nil), idPattern: .prefix("aa_"))
        var driver = TrackerDriver(.both(vouchers: limits))
        let ids = (0..<100).map { "aa_\($0)" }
        for id in ids { driver.learn(id) }
        driver.store.grantSpacing = .milliseconds(50)
        for id in ids {
            let answer = try #require(driver.reply(to: id).answer)
            driver.ask(
                id,
                patience: .update(
                    from: answer.document.tag, answer.staleReason,
                    deadline: driver.now + .seconds(3600)))
        }
        let before = driver.tracker.callersConsidered
        driver.advance(.seconds(20))
        let looks = driver.tracker.callersConsidered - before
        // Plus those that the calls themselves cause: two per call.
        #expect(looks <= 100 * 20 + 2 * driver.callsMade.count + 100, "\(looks)")
    }
}
