// How other processes use what one process has learned of an upstream's health.

import TestSupport
import Testing

@testable import StatusCore

@Suite struct BreakerHintTests {
    /// Five failures of five actions.
    private func open(_ driver: inout TrackerDriver) {
        for number in 0..<Breaker.failuresMax {
            driver.ask("aa_\(number)")
            driver.fail(.serverError, http: 500)
        }
    }

    @Test func theCompletionThatOpensTheBreakerHasTheHint() {
        var driver = TrackerDriver()
        open(&driver)
        let hints = driver.store.completions.map(\.breaker)
        #expect(hints.dropLast().allSatisfy { $0 == nil })
        guard case .opened(let span)? = hints.last ?? nil else {
            Issue.record("no hint in \(hints)")
            return
        }
        #expect(span > .zero && span <= Breaker.firstPause)
    }

    @Test func theProbeThatClosesTheBreakerHasTheHint() {
        var driver = TrackerDriver()
        open(&driver)
        driver.advance(.seconds(2))
        driver.ask("aa_new")
        driver.answer()
        expectEqual(driver.store.completions.last?.breaker, .closed)
    }

    @Test func aProcessWithoutResultsWaitsAndThenProbesOnce() {
        var driver = TrackerDriver()
        driver.store.verdicts = [.resting(opensIn: .seconds(20))]
        let early = driver.reply(to: "aa_1").problem
        expectEqual(early?.sources.map(\.outcome), ["breaker-open"])
        #expect(driver.calls.isEmpty)
        driver.advance(.seconds(21))
        // The refresh that was due meanwhile is the probe; a second one waits for it.
        driver.ask("aa_2")
        expectEqual(driver.calls.count, 1)
        driver.answer()
        expectEqual(driver.store.completions.last?.breaker, .closed)
        expectEqual(driver.calls.count, 1)
    }

    @Test func aProcessWithARecentSuccessIgnoresHints() {
        var driver = TrackerDriver()
        driver.learn("aa_1")
        driver.ask("aa_2")
        expectEqual(driver.store.heeds, [true, false])
        driver.answer()
        driver.advance(Breaker.pauseMax + .seconds(1))
        driver.ask("aa_3")
        expectEqual(driver.store.heeds, [true, false, true])
    }

    @Test func aHintAfterASuccessIsIgnored() {
        var driver = TrackerDriver()
        driver.ask("aa_1")
        driver.heldBack = [.reserve]
        driver.ask("aa_2")
        driver.answer()
        driver.store.verdicts = [.resting(opensIn: .seconds(60))]
        driver.release()
        driver.ask("aa_3")
        #expect(driver.calls.map(\.key.id.text).contains("aa_3"))
    }

    @Test func aPeersOpenBreakerIsReportedToOperators() {
        var driver = TrackerDriver()
        driver.store.verdicts = [.resting(opensIn: .seconds(20))]
        driver.ask("aa_1")
        let until = driver.now + .seconds(20)
        #expect(
            driver.notes.contains(
                .blocked(.vouchers, SourceBlock(.breaker, until: until), isNew: true)))
    }

    @Test func aProbeIgnoresHintsToo() {
        var driver = TrackerDriver()
        open(&driver)
        driver.advance(.seconds(2))
        driver.ask("aa_new")
        expectEqual(driver.store.heeds.last, false)
    }
}
