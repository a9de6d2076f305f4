import TestSupport
import Testing

@testable import StatusAPI
@testable import StatusCore

@Suite struct ExplanationTextTests {
    private static let now = Fixtures.now

    private func view(_ change: (inout Explanation.SourceView) -> Void = { _ in })
        -> Explanation.SourceView
    {
        var view = Explanation.SourceView(
            source: .vouchers, answer: nil, failure: nil, progress: .idle,
            whyNotFresher: .interval, nextCallAt: Self.now + .seconds(30), lastCalls: [],
            budgetLeft: nil, breaker: .closed, blocks: [])
        change(&view)
        return view
    }

    private func explanation(
        _ views: [Explanation.SourceView], wasAsked: Bool = true
    ) throws -> Explanation {
        Explanation(
            id: try Fixtures.id(), wasAsked: wasAsked, asked: views.map(\.source),
            choice: .idShape, sources: views)
    }

    private func summary(_ views: [Explanation.SourceView]) throws -> String {
        try explanation(views).summary(Fixtures.clocks)
    }

    private func answer(
        _ status: ActionStatus = .pending, isDone: Bool = false, _ reason: StaleReason? = nil
    ) -> Explanation.AnswerView {
        Explanation.AnswerView(
            status: status, isDone: isDone, checkedAt: Fixtures.wall,
            answeredAt: Self.now, freshUntil: Self.now, staleReason: reason)
    }

    @Test func freshStateNamesItsAgeAndTheNextCall() throws {
        try expectEqual(
            summary([view { $0.answer = answer() }]),
            "PENDING, as vouchers answered at 2026-11-01T10:02:00.010Z;"
                + " the next call may be made at 2026-11-01T10:02:30.010Z.")
    }

    @Test func finishedActionIsNotAskedAboutAgain() throws {
        let text = try summary([view { $0.answer = answer(.succeeded, isDone: true) }])
        #expect(text.hasPrefix("SUCCEEDED, as vouchers answered at "))
        #expect(text.hasSuffix("a finished action is not refreshed."))
    }

    @Test func unrequestedIDIsExplainedAsSuch() throws {
        let text = try explanation([view()], wasAsked: false).summary(Fixtures.clocks)
        #expect(text.hasPrefix("Nobody has asked for "))
    }

    @Test func unknownAndAmbiguousIDsAreExplained() throws {
        let missing = view {
            $0.failure = Explanation.FailureView(
                outcome: "not-found", httpStatus: 404, repeats: 2, at: Self.now)
        }
        #expect(try summary([missing]).contains("vouchers does not know this id, asked 2 times"))
        var orders = view { $0.answer = answer() }
        orders.source = .orders
        #expect(
            try summary([orders, view { $0.answer = answer() }]).hasPrefix(
                "orders and vouchers know "))
    }

    private static let until = now + .seconds(60)

    @Test(
        arguments: [
            (
                SourceBlock(.pause, fault: .init(kind: .throttled, httpStatus: 429), until: until),
                "no calls to vouchers until 2026-11-01T10:03:00.010Z: it asked for a pause (HTTP 429)"
            ),
            (
                SourceBlock(.breaker, fault: .init(kind: .connectFailed), until: until),
                "no calls to vouchers until 2026-11-01T10:03:00.010Z: it cannot be connected to"
            ),
            (
                SourceBlock(.breaker),
                "no calls to vouchers: another process found that it keeps failing"
            ),
            (
                SourceBlock(.budget(.minute), until: until),
                "no calls to vouchers until 2026-11-01T10:03:00.010Z:"
                    + " the budget of calls for this minute is spent"
            ),
            (
                SourceBlock(.budget(.dayUnknown), until: until),
                "no calls to vouchers until 2026-11-01T10:03:00.010Z for ids that it has not answered"
                    + " for: their part of the budget of calls for this day is spent"
            ),
            (
                SourceBlock(.credential, fault: .init(kind: .unauthorized, httpStatus: 401)),
                "no calls to vouchers: it refuses our credential (HTTP 401)"
            ),
            (
                SourceBlock(.credential, fault: .init(kind: .tokenRefused, httpStatus: 401)),
                "no calls to vouchers: the token endpoint refuses our client id or secret (HTTP 401)"
            ),
        ])
    func blockIsTheCause(block: SourceBlock, sentence: String) throws {
        expectEqual(block.sentence(.vouchers, Fixtures.clocks), sentence)
        let stale = view {
            $0.answer = answer(.pending, .throttled)
            $0.blocks = [block]
        }
        #expect(try summary([stale]).contains("and stale since then: \(sentence); the next call"))
        let cold = view { $0.blocks = [block] }
        #expect(try summary([cold]).hasPrefix("There is no answer of vouchers: \(sentence); "))
    }

    @Test func everyWordHasAPhrase() throws {
        for kind in UpstreamFault.Kind.allCases {
            let failed = view {
                $0.failure = Explanation.FailureView(
                    outcome: kind.rawValue, httpStatus: nil, repeats: 1, at: Self.now)
            }
            #expect(try !summary([failed]).isEmpty)
        }
        for reason in StaleReason.allCases {
            #expect(try summary([view { $0.answer = answer(.pending, reason) }]).contains("stale"))
        }
        for progress in Explanation.Progress.allCases {
            #expect(try summary([view { $0.progress = progress }]).hasSuffix("."))
        }
    }

    @Test func storeIsNamedAsTheCauseWhenItStopsCalls() throws {
        let text = try summary([view { $0.whyNotFresher = .blocked(.store, until: Self.now) }])
        #expect(text.hasSuffix("while this service's own store cannot be used."))
        let stale = try summary([
            view {
                $0.answer = answer(.pending, .storeUnavailable)
                $0.whyNotFresher = .blocked(.store, until: Self.now)
            }
        ])
        #expect(stale.contains("this service's own store cannot be used, so no calls are made"))
    }

    @Test func timelineHasTheCallsNewestFirst() throws {
        let text = try explanation([
            view {
                $0.answer = answer()
                $0.lastCalls = [
                    MadeCall(
                        endedAt: Self.now - .seconds(3), took: .seconds(10), outcome: "timed-out",
                        wasSent: true),
                    MadeCall(
                        endedAt: Self.now - .seconds(33), took: .zero, outcome: "slot-expired",
                        wasSent: false),
                ]
                $0.budgetLeft = BudgetLeft(minute: 59, day: 2371)
            }
        ]).text(Fixtures.clocks)
        #expect(
            text.split(separator: "\n").dropFirst().elementsEqual([
                "vouchers",
                "  2026-11-01T10:02:30.010Z  the next call may be made",
                "  2026-11-01T10:01:57.010Z  timed-out, after 10000 ms",
                "  2026-11-01T10:01:27.010Z  slot-expired, nothing was sent",
                "  calls left: 59 for this minute, 2371 for this day",
            ]))
    }
}
