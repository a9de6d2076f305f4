import TestSupport
import Testing

@testable import StatusCore

@Suite struct ExplainingTests {
    private let id = Shape.voucher

    private func explain(_ driver: inout TrackerDriver, _ id: String) throws -> Explanation {
        let explanation = driver.explanation(of: id)
        return try #require(explanation)
    }

    private func view(
        _ driver: inout TrackerDriver, _ id: String
    ) throws -> Explanation.SourceView {
        let explanation = try explain(&driver, id)
        return try #require(explanation.sources.first)
    }

    private func vouchersOnly() -> TrackerDriver { TrackerDriver(.both(orders: nil)) }

    @Test func anUnrequestedIDIsExplainedWithoutACall() throws {
        var driver = TrackerDriver()
        let explanation = try explain(&driver, id)
        #expect(!explanation.wasAsked)
        #expect(explanation.choice == .idShape && explanation.asked == [.vouchers])
        expectEqual(explanation.sources.map(\.source), [.orders, .vouchers])
        #expect(explanation.sources.allSatisfy { $0.whyNotFresher == .nobodyAsks })
        #expect(explanation.sources.allSatisfy { $0.nextCallAt == driver.now })
        driver.advance(.seconds(100))
        #expect(driver.callsMade.isEmpty)
    }

    @Test func aHungStoreDelaysNobodyForLong() throws {
        var driver = vouchersOnly()
        driver.heldBack = [.lookUp]
        #expect(driver.explanation(of: id) == nil)
        driver.advance(.seconds(60))
        expectEqual(driver.explanations.count, 1)
    }

    @Test func theIntervalAndTheLastCallsAreExplained() throws {
        var driver = vouchersOnly()
        driver.learn(id, .pending)
        driver.advance(.seconds(31))
        driver.ask(id)
        driver.fail(.serverError, http: 500)
        driver.advance(.seconds(5))
        let view = try view(&driver, id)
        #expect(view.answer?.status == .pending && view.answer?.staleReason == .error)
        #expect(view.failure?.outcome == "server-error" && view.failure?.httpStatus == 500)
        expectEqual(view.whyNotFresher, .interval)
        expectEqual(view.lastCalls.map(\.outcome), ["server-error", "answered"])
        #expect(view.budgetLeft != nil)
        let next = try #require(view.nextCallAt)
        driver.advance(next - driver.now)
        driver.ask(id)
        expectEqual(driver.callsMade.count, 3, "the call could be made when it was promised")
    }

    @Test func aRefreshUnderWayIsExplained() throws {
        var driver = vouchersOnly()
        driver.ask(id)
        let view = try view(&driver, id)
        #expect(view.progress == .calling && view.whyNotFresher == .underWay)
    }

    @Test func aBlockReasonIsExplained() throws {
        var driver = vouchersOnly()
        driver.store.verdicts = [.budgetSpent(opensIn: .seconds(50), .minute)]
        driver.ask(id)
        let explanation = try explain(&driver, id)
        #expect(explanation.wasAsked && explanation.choice == .onlySource)
        let view = try #require(explanation.sources.first)
        let until = driver.now + .seconds(50)
        expectEqual(view.whyNotFresher, .blocked(.budget(.minute), until: until))
        expectEqual(view.nextCallAt, until)
    }

    @Test func theBreakerIsExplained() throws {
        var driver = vouchersOnly()
        for number in 1...Breaker.failuresMax {
            driver.ask("aa_\(number)")
            driver.fail(.connectFailed)
        }
        let view = try view(&driver, id)
        guard case .open = view.breaker else {
            Issue.record("\(view.breaker)")
            return
        }
        expectEqual(view.whyNotFresher.word, "breaker-open")
    }

    @Test func aFinishedActionHasNoNextCallBeforeAndAfterARestart() throws {
        var driver = vouchersOnly()
        driver.learn(id, .succeeded)
        for _ in 0..<2 {
            let explanation = try explain(&driver, id)
            #expect(explanation.wasAsked)
            let view = try #require(explanation.sources.first)
            #expect(view.nextCallAt == nil && view.whyNotFresher == .finished)
            driver.restart(.both(orders: nil))
        }
    }

    @Test func aMissingStoreIsExplained() throws {
        var driver = vouchersOnly()
        driver.store.isDown = true
        let view = try view(&driver, id)
        expectEqual(view.whyNotFresher.word, "store-unavailable")
    }

    @Test func onlyTheLastCallsAreKept() {
        var log = CallLog()
        let call = MadeCall(
            endedAt: Instant(nanoseconds: 0), took: .zero, outcome: "answered", wasSent: true)
        let outcome = CallOutcome.failed(UpstreamFault(kind: .serverError))
        for _ in 0...CallLog.callsMax { log.append(.of("aa_1"), call, outcome) }
        log.append(.of("aa_2"), call, outcome)
        expectEqual(log.last(.max, of: .of("aa_1")).count, CallLog.callsMax - 1)
        expectEqual(log.last(3, of: .of("aa_2")).count, 1)
    }
}
