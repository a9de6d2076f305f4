import TestSupport
import Testing

@testable import StatusCore

@Suite struct PauseTests {
    private let id = Shape.voucher

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    @Test func afterA401ThereIsNoSecondCallAndTheTokenIsRefused() {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.fail(.unauthorized, http: 401)
        expectEqual(driver.refusedCredentials, [.vouchers])
        expectEqual(driver.replies[caller].problem?.code, .upstreamError)
        driver.advance(.seconds(29))
        driver.ask(id)
        expectEqual(driver.callsMade.count, 1)
    }

    @Test(arguments: [
        (RateHints.none, 60), (RateHints(retryAfter: .seconds(5)), 5),
        (RateHints(retryAfter: .seconds(3600)), 3600),
        (RateHints(retryAfter: .seconds(5), isCycleLimit: true), 900),
    ])
    func a429PausesTheWholeUpstream(hints: RateHints, seconds: Int) {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(.throttled, http: 429, hints: hints)
        let end = driver.now + .seconds(seconds)
        expectEqual(driver.store.completions.map(\.pause), [.seconds(seconds)])
        expectEqual(driver.leftAlone.map(\.until), [end])
        let fault = UpstreamFault(kind: .throttled, httpStatus: 429)
        let block = SourceBlock(.pause, fault: fault, until: end)
        #expect(driver.notes.contains(.blocked(.vouchers, block, isNew: true)))
        let problem = driver.reply(to: "aa_other").problem
        expectEqual(problem?.code, .upstreamUnavailable)
        expectEqual(problem?.sources.map(\.outcome), ["paused"])
        expectEqual(problem?.retryAt, end)
        driver.advance(.seconds(seconds) - .milliseconds(1))
        driver.ask("aa_third")
        #expect(driver.calls.isEmpty)
        driver.advance(.milliseconds(1))
        driver.ask("aa_other")
        #expect(!driver.calls.isEmpty)
    }

    /// The transport has read another call's 429, which has not ended yet.
    @Test func aCallThatWasNotSentForA429IsNotTriedAgainBeforeItsTime() {
        var driver = vouchersOnly()
        let caller = driver.ask(id)
        driver.fail(.slotExpired, hints: RateHints(retryAfter: .seconds(1)), sent: false)
        #expect(driver.calls.isEmpty)
        // No other pause was requested.
        #expect(!driver.notes.contains { if case .blocked = $0 { true } else { false } })
        expectEqual(driver.store.completions.last?.gate, .opens(in: .zero))
        expectEqual(driver.replies[caller].problem?.sources.map(\.outcome), ["paused"])
        expectEqual(driver.replies[caller].problem?.retryAt, driver.now + .seconds(1))
        driver.advance(.seconds(1))
        driver.ask(id)
        expectEqual(driver.calls.count, 1)
    }

    @Test func aSlotIsNotUsedAfterTheBreakerHasOpened() {
        var driver = vouchersOnly()
        for number in 1...5 { driver.ask("aa_\(number)") }
        driver.heldBack = [.reserve]
        driver.ask("aa_6")
        for _ in 1...5 { driver.fail(.serverError, http: 500) }
        driver.release()
        expectEqual(driver.callsMade.count, 5)
        expectEqual(driver.store.completions.last?.key.id, .of("aa_6"))
        expectEqual(driver.store.completions.last?.gate, .opens(in: .zero))
    }

    @Test func afterAPauseOneCallGoesFirst() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.fail(
            .throttled, http: 429, hints: RateHints(retryAfter: .seconds(5), isCycleLimit: true))
        driver.advance(.seconds(900))
        for number in 1...10 { driver.ask("aa_\(number)") }
        expectEqual(driver.calls.count, 1)
        driver.fail(
            .throttled, http: 429, hints: RateHints(retryAfter: .seconds(5), isCycleLimit: true))
        for number in 1...10 { driver.ask("aa_\(number)") }
        expectEqual(driver.callsMade.count, 2)
        driver.advance(.seconds(900))
        for number in 1...10 { driver.ask("aa_\(number)") }
        expectEqual(driver.calls.count, 1)
        driver.answer()
        expectEqual(driver.calls.count, 9)
    }

    @Test func anAnswerWithoutCallsLeftPausesTheUpstream() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.answer(.pending, hints: RateHints(remaining: 0))
        expectEqual(driver.reply(to: "aa_other").problem?.retryAt, driver.now + .seconds(60))
    }

    @Test func callsLeftExpireAtTheReportedTime() {
        var driver = vouchersOnly()
        driver.ask(id)
        let span = Duration.seconds(4)
        driver.answer(
            .pending, hints: RateHints(remaining: 0, remainingFor: span, retryAfter: span))
        let end = driver.now + span
        expectEqual(driver.reply(to: "aa_other").problem?.retryAt, end)
        driver.advance(span)
        driver.ask("aa_other")
        expectEqual(driver.calls.count, 1)
    }

    @Test func aNewWindowLeavesUnknownIDsANewShare() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.answer(.pending, hints: RateHints(remaining: 2, remainingFor: .seconds(4)))
        for name in ["aa_2", "aa_3"] { driver.ask(name) }
        expectEqual(driver.calls.count, 1)
        driver.advance(.seconds(4))
        expectEqual(driver.callsMade.count, 3)
    }

    @Test func aPauseOfOneUpstreamDoesNotAffectTheOther() {
        var driver = TrackerDriver()
        driver.ask(id)
        driver.fail(.throttled)
        driver.ask(Shape.order)
        expectEqual(driver.calls.map(\.key.source), [.orders])
    }

    @Test func theUpstreamsCountOfCallsLeftLowersTheBudget() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.answer(.pending, hints: RateHints(remaining: 4))
        for name in ["aa_2", "aa_3", "aa_4"] { driver.ask(name) }
        expectEqual(driver.callsMade.count, 3)
        let problem = driver.reply(to: "aa_5").problem
        expectEqual(problem?.sources.map(\.outcome), ["upstream-limit"])
        driver.advance(.seconds(60))
        #expect(driver.callsMade.count > 3)
    }

    @Test func unknownIDsMayUseHalfOfTheCallsLeft() {
        var driver = vouchersOnly()
        for name in ["aa_k1", "aa_k2", "aa_k3"] { driver.learn(name) }
        driver.ask(id)
        driver.answer(.pending, hints: RateHints(remaining: 5))
        for name in ["aa_2", "aa_3", "aa_4"] { driver.ask(name) }
        expectEqual(driver.calls.count, 2)
        driver.advance(.seconds(31))
        // The rest is left for known ids.
        let deadline = driver.now + .seconds(20)
        for name in ["aa_k1", "aa_k2", "aa_k3"] {
            driver.ask(name, patience: .done(deadline: deadline))
        }
        expectEqual(
            Set(driver.calls.map(\.key.id.text)), ["aa_2", "aa_3", "aa_k1", "aa_k2", "aa_k3"])
    }

    @Test func usedCallsOfUnknownIDsAreNotLeftAgain() {
        var driver = vouchersOnly()
        driver.learn(id)
        driver.learn("aa_0")
        driver.advance(.seconds(31))
        driver.ask(id)
        driver.answer(.pending, hints: RateHints(remaining: 8))
        for number in 1...8 {
            driver.ask("aa_new\(number)")
            guard !driver.calls.isEmpty else { continue }
            driver.fail(.notFound, hints: RateHints(remaining: 8 - number))
        }
        expectEqual(driver.callsMade.count { $0.id.text.hasPrefix("aa_new") }, 4)
        driver.ask("aa_0")
        expectEqual(driver.calls.count, 1)
        driver.advance(.seconds(61))
        #expect(driver.callsMade.count { $0.id.text.hasPrefix("aa_new") } > 4)
    }

    @Test func aGrantThatComesAfterThePauseIsNotUsed() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.heldBack = [.reserve]
        let late = driver.ask("aa_2")
        driver.fail(.throttled, hints: RateHints(retryAfter: .seconds(20)))
        driver.store.verdicts = [.granted(FencingToken(77))]
        driver.release()
        expectEqual(driver.callsMade.count, 1)
        expectEqual(driver.replies[late].problem?.code, .upstreamUnavailable)
        expectEqual(driver.store.completions.last?.gate, .opens(in: .zero))
    }

    @Test func grantsBeyondTheCallsLeftAreNotUsed() {
        var driver = vouchersOnly()
        driver.ask(id)
        driver.heldBack = [.reserve]
        for name in ["aa_2", "aa_3", "aa_4"] { driver.ask(name) }
        driver.answer(.pending, hints: RateHints(remaining: 1))
        driver.release()
        expectEqual(driver.callsMade.count, 2)
    }

    @Test func aPauseFromTheStoreIsKept() {
        var driver = vouchersOnly()
        driver.store.verdicts = [.paused(opensIn: .seconds(40))]
        let caller = driver.ask(id)
        expectEqual(driver.replies[caller].problem?.retryAt, driver.now + .seconds(40))
        driver.advance(.seconds(40))
        expectEqual(driver.callsMade.count, 1)
    }
}

@Suite struct BreakerTests {
    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    private func failFiveTimes(_ driver: inout TrackerDriver) {
        for number in 1...5 {
            driver.ask("aa_\(number)")
            driver.fail(.serverError, http: 500)
        }
    }

    private func openUntil(_ driver: TrackerDriver) -> Instant? {
        let openings = driver.notes.compactMap { note -> Instant? in
            guard case .blocked(_, let block, _) = note, block.kind == .breaker
            else { return nil }
            return block.until
        }
        return openings.last
    }

    private func isClosedAgain(_ driver: TrackerDriver) -> Bool {
        driver.notes.contains { note in
            guard case .unblocked(.vouchers, let block) = note else { return false }
            return block.kind == .breaker
        }
    }

    @Test func fiveFailuresInARowStopCalls() throws {
        var driver = vouchersOnly()
        failFiveTimes(&driver)
        let until = try #require(openUntil(driver))
        #expect(until > driver.now && until <= driver.now + .seconds(1))
        let problem = driver.reply(to: "aa_6").problem
        expectEqual(problem?.sources.map(\.outcome), ["breaker-open"])
        expectEqual(problem?.retryAt, until)
        expectEqual(driver.callsMade.count, 5)
    }

    @Test func anAnswerInBetweenResetsTheCount() {
        var driver = vouchersOnly()
        for number in 1...20 {
            driver.ask("aa_\(number)")
            if number % 5 == 0 { driver.fail(.notFound) } else { driver.fail(.serverError) }
        }
        #expect(openUntil(driver) == nil)
        expectEqual(driver.callsMade.count, 20)
    }

    @Test func oneProbeAtATimeAndItsSuccessClosesTheBreaker() {
        var driver = vouchersOnly()
        failFiveTimes(&driver)
        for number in 6...9 { driver.ask("aa_\(number)") }
        driver.advance(.seconds(1))
        expectEqual(driver.calls.count, 1)
        driver.answer(.pending)
        expectEqual(driver.calls.count, 3, "the other three follow")
        #expect(isClosedAgain(driver))
    }

    @Test func eachFailedProbeDoublesThePauseUpToAMinute() throws {
        var driver = vouchersOnly()
        failFiveTimes(&driver)
        for whole in [2, 4, 8, 16, 32, 60, 60] {
            driver.advance(try #require(openUntil(driver)) - driver.now)
            driver.ask("aa_probe\(whole)\(driver.callsMade.count)")
            driver.fail(.serverError)
            let pause = try #require(openUntil(driver)) - driver.now
            #expect(pause >= .seconds(whole) / 2 && pause <= .seconds(whole))
        }
    }

    @Test(arguments: [UpstreamFault.Kind.slotExpired, .tokenUnavailable, .tokenRefused])
    func aProbeThatWasNeverSentProvesNothing(kind: UpstreamFault.Kind) {
        var driver = vouchersOnly()
        failFiveTimes(&driver)
        driver.advance(.seconds(1))
        driver.ask("aa_6")
        driver.fail(kind, sent: false)
        #expect(!isClosedAgain(driver))
        driver.ask("aa_7")
        driver.ask("aa_8")
        expectEqual(driver.calls.count, 1, "the next one probes, alone")
    }

    @Test func aFailingUpstreamDoesNotSlowTheOther() {
        var driver = TrackerDriver()
        failFiveTimes(&driver)
        driver.ask(Shape.order)
        driver.answer(.pending, by: .orders)
        #expect(driver.reply(to: Shape.order).answer != nil)
    }
}
