import TestSupport
import Testing

@testable import StatusCore

@Suite struct FreshnessTests {
    private let id = Shape.order

    @Test(arguments: [
        (Duration.zero, Duration.seconds(60)), (.seconds(599), .seconds(60)),
        (.seconds(1200), .seconds(120)), (.seconds(2999), .milliseconds(299_900)),
        (.seconds(86_400), .seconds(300)), (.seconds(-3600), .seconds(60)),
    ])
    func theIntervalIsATenthOfTheAgeWithinItsBounds(age: Duration, interval: Duration) {
        expectEqual(Freshness.interval(age: age, .orders), interval)
    }

    @Test(arguments: [(0, 60), (1200, 120), (86_400, 300)])
    func aStoredAnswerIsServedWithoutACallUntilItIsDue(age: Int, interval: Int) {
        var driver = TrackerDriver()
        let answer = driver.learn(id, createdAgo: .seconds(age)).answer
        expectEqual(answer?.freshUntil, driver.now + .seconds(interval))
        driver.advance(.seconds(interval) - .milliseconds(1))
        #expect(driver.reply(to: id).answer?.staleReason == nil)
        #expect(driver.calls.isEmpty)
        driver.advance(GateTiming.slew + .milliseconds(1))
        driver.ask(id)
        expectEqual(driver.calls.count, 1)
    }

    @Test func withoutACreationTimeTheAgeRunsFromTheFirstRequest() {
        var driver = TrackerDriver()
        driver.ask(id)
        driver.fail(.notFound)
        driver.fail(.notFound, by: .vouchers)
        driver.advance(.seconds(1200))
        let answer = driver.learn(id).answer
        expectEqual(answer?.freshUntil, driver.now + .seconds(120))
    }

    @Test func theIntervalIsTheShortestDuringAWait() {
        var driver = TrackerDriver()
        driver.learn(id, createdAgo: .seconds(86_400))
        driver.ask(id, patience: .done(deadline: driver.now + .seconds(300)))
        for _ in 1...4 {
            driver.advance(.seconds(60) + GateTiming.slew)
            expectEqual(driver.calls.count, 1)
            driver.answer(.pending, createdAgo: .seconds(86_400))
        }
    }

    @Test func withoutRequestsThereAreNoCalls() {
        var driver = TrackerDriver()
        driver.learn(id)
        driver.advance(.seconds(86_400))
        #expect(driver.calls.isEmpty)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test func aRequestThatFindsTheActionDueGetsTheNewAnswer() {
        var driver = TrackerDriver()
        driver.learn(id, .pending)
        driver.advance(.seconds(61))
        let caller = driver.ask(id)
        #expect(driver.replies[caller] == nil)
        driver.advance(.milliseconds(999))
        driver.answer(.inProgress)
        expectEqual(driver.replies[caller].answer?.document.status, .inProgress)
        expectEqual(driver.replies[caller].answer?.service, .miss)
    }

    @Test func refreshWaitCountsFromTheStartOfTheRefreshForEveryCaller() {
        var driver = TrackerDriver()
        driver.learn(id)
        driver.advance(.seconds(61))
        let first = driver.ask(id)
        driver.advance(.milliseconds(600))
        let second = driver.ask(id)
        driver.advance(.milliseconds(399))
        #expect(driver.replies[first] == nil && driver.replies[second] == nil)
        driver.advance(.milliseconds(1))
        expectEqual(driver.replies[first].answer?.staleReason, .slow)
        expectEqual(driver.replies[second].answer?.staleReason, .slow)
    }

    @Test func aSlowUpstreamDelaysNobodyTwice() {
        var driver = TrackerDriver()
        driver.learn(id)
        driver.advance(.seconds(61))
        driver.ask(id)
        driver.advance(.seconds(7))
        expectEqual(driver.reply(to: id).answer?.staleReason, .slow)
        #expect(driver.published[.of(id)] != nil)
        driver.answer(.inProgress)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
        expectEqual(driver.callsMade.count, 2)
    }

    @Test func anAnswerIsPublishedAsLongAsItCannotChange() {
        var driver = TrackerDriver()
        driver.learn(id)
        let published = driver.published[.of(id)]
        expectEqual(published?.servableUntil, driver.now + .seconds(60) + GateTiming.slew)
        expectEqual(published?.answer.nextRefreshAt, published?.servableUntil)
    }

    @Test func anAnswerIsPublishedBeforeItIsReplied() throws {
        var driver = TrackerDriver()
        driver.ask(id)
        let call = try #require(driver.calls.first)
        driver.heldBack = [.complete]
        driver.answer(.inProgress)
        var tracker = driver.tracker
        let key = call.key
        let record = EntryRecord(
            key: key, opensIn: .seconds(60), firstSeenAgo: .zero, isKnown: true, answer: nil,
            negative: nil)
        let reply = CompletionReply(record: record, gap: nil, smallestGap: nil)
        let effects = tracker.step(
            .completed(key, flight: call.flight, .success(reply)), now: driver.now)
        let kinds = effects.compactMap { effect -> String? in
            switch effect {
            case .publish: "publish"
            case .reply: "reply"
            default: nil
            }
        }
        expectEqual(kinds, ["publish", "reply"])
    }
}
