import TestSupport
import Testing

@testable import StatusCore

@Suite struct WaitingTests {
    private let id = Shape.voucher
    private let turn = Duration.seconds(30) + GateTiming.slew

    private func learned() -> TrackerDriver {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        return driver
    }

    @Test func waitForDoneHoldsThroughChanges() {
        var driver = learned()
        let caller = driver.ask(id, patience: .done(deadline: driver.now + .seconds(70)))
        driver.advance(turn)
        driver.answer(.inProgress)
        #expect(driver.replies[caller] == nil)
        driver.advance(turn)
        driver.answer(.succeeded)
        expectEqual(driver.replies[caller].answer?.document.status, .succeeded)
    }

    @Test func waitForDoneEndsAtOnceWhenItIsDone() {
        var driver = TrackerDriver()
        driver.learn(id, .failed)
        let caller = driver.ask(id, patience: .done(deadline: driver.now + .seconds(50)))
        expectEqual(driver.replies[caller].answer?.document.status, .failed)
    }

    @Test func aTimedOutWaitIsAnsweredLikeARequestWithoutOne() {
        var driver = learned()
        let caller = driver.ask(id, patience: .done(deadline: driver.now + .seconds(20)))
        driver.advance(.milliseconds(19_999))
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(1))
        let plain = driver.reply(to: id).answer
        expectEqual(driver.replies[caller].answer?.document, plain?.document)
        #expect(plain != nil)
    }

    @Test func waitForChangeComparesWithTheGivenTag() throws {
        var driver = learned()
        let tag = try #require(driver.reply(to: id).answer?.document.tag)
        let deadline = driver.now + .seconds(50)
        let same = driver.ask(id, patience: .change(from: [tag], deadline: deadline))
        let other = driver.ask(id, patience: .change(from: [tag &+ 1], deadline: deadline))
        let oneOfTwo = driver.ask(
            id, patience: .change(from: [tag &+ 1, tag], deadline: deadline))
        #expect(driver.replies[same] == nil)
        #expect(driver.replies[oneOfTwo] == nil)
        #expect(driver.replies[other].answer != nil)
        driver.advance(turn)
        driver.answer(.inProgress)
        expectEqual(driver.replies[same].answer?.document.status, .inProgress)
        expectEqual(driver.replies[oneOfTwo].answer?.document.status, .inProgress)
    }

    @Test func waitForChangeWithoutATagComparesWithTheStateAtArrival() {
        var driver = learned()
        let deadline = driver.now + .seconds(120)
        let caller = driver.ask(id, patience: .change(from: nil, deadline: deadline))
        driver.advance(turn)
        driver.answer(.pending)
        #expect(driver.replies[caller] == nil, "a call that finds the same state is no change")
        driver.advance(turn)
        driver.answer(.inProgress)
        expectEqual(driver.replies[caller].answer?.document.status, .inProgress)
    }

    @Test func aWaitForOneUpstreamDoesNotWakeTheTrackerForTheOther() {
        var driver = TrackerDriver()
        driver.learn(id, .pending, source: .orders)
        driver.learn(id, .pending, source: .vouchers)
        driver.advance(.seconds(100))
        driver.ask(id, source: .orders, patience: .done(deadline: driver.now + .seconds(50)))
        driver.answer(.pending, by: .orders)
        var wakes = 0
        while let wake = driver.tracker.nextWake, wakes < 100, driver.now < wake {
            driver.advance(wake - driver.now)
            driver.answer(.pending)
            wakes += 1
        }
        #expect(wakes < 10)
    }

    @Test func theFirstStateOfAllIsAChange() {
        var driver = TrackerDriver()
        let deadline = driver.now + .seconds(50)
        let caller = driver.ask(id, patience: .change(from: nil, deadline: deadline))
        driver.advance(.milliseconds(80))
        driver.answer(.pending)
        expectEqual(driver.replies[caller].answer?.document.status, .pending)
    }

    @Test func aProblemIsAnsweredAtOnceDespiteAWait() {
        var driver = TrackerDriver(.both(orders: nil))
        let caller = driver.ask(id, patience: .done(deadline: driver.now + .seconds(50)))
        driver.fail(.notFound)
        expectEqual(driver.replies[caller].problem?.code, .notFound)
    }

    @Test func withNothingStoredARequestWaitsAtMostForTheWholeCall() {
        var driver = TrackerDriver(.both(orders: nil))
        let caller = driver.ask(id)
        driver.advance(.seconds(13) - .milliseconds(1))
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(1))
        expectEqual(driver.replies[caller].problem?.code, .upstreamTimeout)
    }

    @Test func drainingAnswersWaitersAndStartsNoMoreCalls() {
        var driver = learned()
        let waiting = driver.ask(id, patience: .done(deadline: driver.now + .seconds(50)))
        driver.ask("aa_2")
        driver.drain()
        expectEqual(driver.replies[waiting].answer?.document.status, .pending)
        expectEqual(driver.reply(to: "aa_3").problem?.code, .upstreamUnavailable)
        driver.advance(.seconds(60))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 2)
        driver.answer(.pending)
        expectEqual(driver.tracker.flights, 0, "a call under way still completes its gate")
        expectEqual(driver.store.completions.count, 2)
    }

    @Test func aCallerThatLeavesNeitherCancelsNorRepeatsTheCall() {
        var driver = TrackerDriver(.both(orders: nil))
        let caller = driver.ask(id)
        driver.leave(caller)
        expectEqual(driver.tracker.waitingCallers, 0)
        driver.answer(.pending)
        #expect(driver.replies[caller] == nil)
        expectEqual(driver.reply(to: id).answer?.document.status, .pending)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func thousandsOfCallersShareOneCall() {
        var driver = TrackerDriver(.both(orders: nil))
        let callers = (0..<5000).map { _ in driver.ask(id) }
        expectEqual(driver.callsMade.count, 1)
        driver.advance(.milliseconds(80))
        driver.answer(.pending)
        driver.advance(.zero)
        #expect(callers.allSatisfy { driver.replies[$0].answer != nil })
        expectEqual(driver.callsMade.count, 1)
        let services = callers.compactMap { driver.replies[$0].answer?.service }
        expectEqual(services.count { $0 == .miss }, 1)
        expectEqual(services.count { $0 == .collapsed }, 4999)
    }

    @Test func callersBeyondTheLimitGetOverloaded() {
        var driver = TrackerDriver(.both(callersMax: 2))
        driver.ask(id)
        driver.ask(id)
        expectEqual(driver.reply(to: id).problem?.code, .overloaded)
    }
}
