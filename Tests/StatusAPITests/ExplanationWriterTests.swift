import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI
@testable import StatusCore

@Suite struct ExplanationWriterTests {
    private func view(_ change: (inout Explanation.SourceView) -> Void = { _ in })
        -> Explanation.SourceView
    {
        var view = Explanation.SourceView(
            source: .vouchers, answer: nil, failure: nil, progress: .idle,
            whyNotFresher: .nobodyAsks, nextCallAt: Fixtures.now, lastCalls: [], budgetLeft: nil,
            breaker: .closed, blocks: [])
        change(&view)
        return view
    }

    private func body(_ view: Explanation.SourceView) throws -> JSONValue {
        let explanation = Explanation(
            id: try Fixtures.id(), wasAsked: true, asked: [.vouchers], choice: .idShape,
            sources: [view])
        let response = ExplanationWriter.response(explanation, clocks: Fixtures.clocks)
        try expectKept(response, path: "/actions/{id}/explain")
        return try #require(response.json()["sources"]?.array?.first)
    }

    @Test func unknownPartsAreNull() throws {
        let source = try body(view())
        for name in ["answer", "failure", "budget_left"] { #expect(source[name] == nil) }
        expectEqual(source["next_call_at"], .string("2026-11-01T10:02:00.010Z"))
        expectEqual(source["why_not_fresher"], .string("nobody-asks"))
    }

    @Test func knownPartsAreWrittenInTheirWords() throws {
        let source = try body(
            view {
                $0.answer = Explanation.AnswerView(
                    status: .inProgress, isDone: false, checkedAt: Fixtures.wall + .seconds(-18),
                    answeredAt: Fixtures.now - .seconds(18), freshUntil: .distantFuture,
                    staleReason: .timeout)
                $0.failure = Explanation.FailureView(
                    outcome: "timed-out", httpStatus: nil, repeats: 2,
                    at: Fixtures.now - .seconds(3))
                $0.lastCalls = [
                    MadeCall(
                        endedAt: Fixtures.now - .seconds(3), took: .milliseconds(10_000),
                        outcome: "timed-out", wasSent: true)
                ]
                $0.whyNotFresher = .blocked(.breakerOpen, until: Fixtures.now + .seconds(1))
                $0.nextCallAt = nil
                $0.budgetLeft = BudgetLeft(minute: 4, day: nil)
                $0.breaker = .open(until: Fixtures.now + .seconds(1))
            })
        expectEqual(source["answer"]?["age"], .number("18"))
        #expect(source["answer"]?["fresh_until"] == nil, "too far away to mean a time")
        expectEqual(source["answer"]?["stale_reason"], .string("upstream-timeout"))
        expectEqual(source["failure"]?["times"], .number("2"))
        expectEqual(source["last_calls"]?.array?.first?["duration_ms"], .number("10000"))
        expectEqual(source["why_not_fresher"], .string("breaker-open"))
        expectEqual(source["breaker"]?["open_until"], .string("2026-11-01T10:02:01.010Z"))
    }

    @Test func troubleOfThisServiceIsNamed() throws {
        let fault = UpstreamFault(kind: .tokenUnavailable, message: "no access_token")
        let source = try body(
            view { $0.whyNotFresher = .blocked(.ourSide(fault), until: Fixtures.now) })
        expectEqual(source["why_not_fresher"], .string("token-unavailable"))
        expectEqual(source["detail"], .string("no access_token"))
    }

    @Test func everyWordIsInTheContract() throws {
        for progress in Explanation.Progress.allCases {
            _ = try body(view { $0.progress = progress })
        }
        for breaker in [Explanation.BreakerView.closed, .halfOpen] {
            _ = try body(view { $0.breaker = breaker })
        }
        for choice in Explanation.Choice.allCases {
            let explanation = Explanation(
                id: try Fixtures.id(), wasAsked: false, asked: [], choice: choice, sources: [])
            let response = ExplanationWriter.response(explanation, clocks: Fixtures.clocks)
            try expectKept(response, path: "/actions/{id}/explain")
        }
    }
}
