import TestSupport
import Testing

@testable import StatusCore

@Suite struct ResourceExhaustionTests {
    private let id = Shape.voucher

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    @Test func callersGetOverloadedForOurOwnExhaustion() {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.fail(.outOfResources, sent: false)
        let problem = driver.replies[caller].problem
        expectEqual(problem?.code, .overloaded)
        expectEqual(problem?.sources.map(\.outcome), ["out-of-resources"])
        expectEqual(problem?.retryAt, driver.now + .seconds(1))
        driver.advance(.milliseconds(999))
        expectEqual(driver.reply(to: id).problem?.code, .overloaded)
        expectEqual(driver.callsMade.count, 1, "asking before that causes no call")
    }

    @Test func theCallIsRepeatedASecondLater() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.outOfResources, sent: false)
        driver.advance(.seconds(1))
        expectEqual(driver.calls.count, 1)
        driver.answer(.pending)
        let answer = driver.reply(to: id).answer
        #expect(answer != nil && answer?.staleReason == nil)
    }

    @Test func theSlotIsGivenBackAndNoFailureIsKept() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.outOfResources, sent: false)
        let completion = driver.store.completions.first
        expectEqual(completion?.gate, .opens(in: .zero))
        expectEqual(completion?.observation, Completion.Observation.none)
        #expect(completion?.sentAgo == nil)
        expectEqual(completion?.outcome, "out-of-resources")
        driver.restart(.both(orders: nil))
        driver.ask(id)
        expectEqual(driver.calls.count, 1, "a new process has not run short")
    }

    @Test func theStoredAnswerIsServedMeanwhile() {
        var driver = vouchersOnly()
        driver.learn(id)
        driver.advance(.seconds(31))
        let caller = driver.ask(id)
        driver.fail(.outOfResources, sent: false)
        expectEqual(driver.replies[caller].answer?.staleReason, .overloaded)
        expectEqual(driver.reply(to: id).answer?.nextRefreshAt, driver.now + .seconds(1))
        driver.advance(.seconds(1))
        driver.answer(.inProgress)
        expectEqual(driver.reply(to: id).answer?.document.status, .inProgress)
        #expect(driver.reply(to: id).answer?.staleReason == nil)
    }

    @Test func repeatedExhaustionIsNoFailureOfTheUpstream() {
        var driver = vouchersOnly()
        driver.ask(id)
        for _ in 1...20 {
            driver.fail(.outOfResources, sent: false)
            expectEqual(driver.reply(to: id).problem?.retryAt, driver.now + .seconds(1))
            driver.advance(.seconds(1))
            expectEqual(driver.calls.count, 1)
        }
        #expect(driver.store.completions.allSatisfy { $0.breaker == nil })
        let new = driver.notes.compactMap { note -> SourceBlock.Kind? in
            if case .blocked(_, let block, true) = note { block.kind } else { nil }
        }
        expectEqual(new, [.resources])
    }

    @Test func afterwardsOneCallGoesFirst() {
        var driver = vouchersOnly()
        for number in 1...5 { driver.ask("aa_\(number)") }
        for _ in 1...5 { driver.fail(.outOfResources, sent: false) }
        driver.advance(.seconds(1))
        expectEqual(driver.calls.count, 1)
        let problem = driver.reply(to: "aa_6").problem
        expectEqual(problem?.sources.map(\.outcome), ["out-of-resources"])
        driver.answer(.pending)
        expectEqual(driver.calls.count, 5)
    }

    @Test func aPauseThatLastsLongerIsKept() {
        var driver = vouchersOnly()
        for number in 1...3 { driver.ask("aa_\(number)") }
        driver.fail(.throttled, hints: RateHints(retryAfter: .seconds(40)))
        driver.fail(.outOfResources, sent: false)
        expectEqual(driver.reply(to: "aa_4").problem?.sources.map(\.outcome), ["paused"])
        driver.answer(.pending)
        driver.advance(.seconds(39))
        #expect(driver.calls.isEmpty)
        driver.advance(.seconds(1))
        expectEqual(driver.calls.count, 1, "and after it one goes first")
    }

    @Test func theOtherUpstreamIsCalledIndependently() {
        var driver = TrackerDriver()
        driver.ask(id)
        driver.fail(.outOfResources, by: .vouchers, sent: false)
        driver.ask(Shape.order)
        driver.answer(.pending, by: .orders)
        #expect(driver.reply(to: Shape.order).answer != nil)
    }

    @Test func aTokenFetchWithoutResourcesIsReportedTheSame() {
        var driver = vouchersOnly()
        driver.credentialFault = UpstreamFault(kind: .outOfResources)
        let caller = driver.ask(id)
        expectEqual(driver.replies[caller].problem?.code, .overloaded)
        expectEqual(driver.replies[caller].problem?.retryAt, driver.now + .seconds(1))
    }
}
