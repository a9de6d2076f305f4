// Journals and their audits, as tables of seconds.

import StatusCore
import TestSupport
import Testing

@Suite("An audit assumes the worst of what is unknown")
struct JournalAuditTests {
    /// One call of action `a` by default; all times in seconds.
    struct Call: Sendable {
        var reserved: Double
        var sent: Double?
        var ended: Double
        var state: JournaledCall.State = .ended
        var id = "a"
        var isUnknown = false
        var limits: CallLimits?

        static func ended(_ reserved: Double, _ sent: Double?, _ ended: Double) -> Call {
            Call(reserved: reserved, sent: sent, ended: ended)
        }

        /// Killed: never completed, so it can be in flight until 13 s after its grant.
        static func lost(_ reserved: Double) -> Call {
            Call(reserved: reserved, sent: nil, ended: reserved + 13, state: .underWay)
        }

        static func abandoned(_ reserved: Double, _ sent: Double) -> Call {
            Call(reserved: reserved, sent: sent, ended: reserved + 13, state: .abandoned)
        }

        func of(_ id: String, isUnknown: Bool = false) -> Call {
            var call = self
            call.id = id
            call.isUnknown = isUnknown
            return call
        }

        /// Granted under other rules than today's.
        func under(_ interval: Int, perMinute: Int = 1000, perDay: Int? = nil) -> Call {
            var call = self
            call.limits = CallLimits(
                minInterval: .seconds(interval), flightMax: .seconds(13),
                budget: BudgetLimits(perMinute: perMinute, perDay: perDay))
            return call
        }
    }

    struct Spacing: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var calls: [Call]
        /// Seconds; nil: none was called twice.
        var gap: Double?
        var isKnown = true
        var holds = true
    }

    static let spacings: [Spacing] = [
        Spacing(testDescription: "one call", calls: [.ended(0, 0, 1)], gap: nil),
        Spacing(
            testDescription: "from the end, not from the start",
            calls: [.ended(0, 0, 5), .ended(35, 35, 36)], gap: 30),
        Spacing(
            testDescription: "start to start is not enough",
            calls: [.ended(0, 0, 5), .ended(30, 30, 31)], gap: 25, holds: false),
        Spacing(
            testDescription: "to the sending, not to the grant",
            calls: [.ended(0, 0, 1), .ended(30, 31, 32)], gap: 30),
        Spacing(
            testDescription: "one nanosecond is too close",
            calls: [.ended(0, 0, 1), .ended(30, 30.999_999_999, 32)], gap: 29.999_999_999,
            holds: false),
        Spacing(
            testDescription: "two actions do not touch each other",
            calls: [.ended(0, 0, 1), .ended(1, 1, 2).of("b")], gap: nil),
        Spacing(
            testDescription: "a call that was never sent is not seen",
            calls: [.ended(0, 0, 1), .ended(20, nil, 20), .ended(31, 31, 32)], gap: 30),
        Spacing(
            testDescription: "a lost call ends at the last possible moment",
            calls: [.lost(0), .ended(43, 43, 44)], gap: 30, isKnown: false),
        Spacing(
            testDescription: "a lost call can have been too close",
            calls: [.lost(0), .ended(42, 42, 43)], gap: 29, isKnown: false, holds: false),
        Spacing(
            testDescription: "an abandoned call too",
            calls: [.abandoned(0, 1), .ended(42, 42, 43)], gap: 29, isKnown: false, holds: false),
        Spacing(
            testDescription: "a lost call was sent at the first possible moment",
            calls: [.ended(0, 0, 1), .lost(31)], gap: 30, isKnown: false),
        Spacing(
            testDescription: "an abandoned call was sent when it was sent",
            calls: [.ended(0, 0, 1), .abandoned(30, 31)], gap: 30),
        Spacing(
            testDescription: "an owner that was stopped completes late, but its call was over",
            calls: [.ended(0, 0, 100), .ended(50, 50, 51)], gap: 37, isKnown: false),
        Spacing(
            testDescription: "unless it was sent too late",
            calls: [.ended(0, 72.5, 73), .ended(74, 74, 75)], gap: 1, holds: false),
        Spacing(
            testDescription: "a call inside another",
            calls: [.ended(0, 0, 12), .ended(5, 5, 6)], gap: -7, isKnown: false, holds: false),
        Spacing(
            testDescription: "the call that ended last counts, not the one granted last",
            calls: [.abandoned(0, 0), .ended(2, 2, 3), .ended(40, 40, 41)], gap: -11,
            isKnown: false, holds: false),
    ]

    @Test(arguments: spacings)
    func gapsAreCountedFromTheLastPossibleEndToTheFirstPossibleSending(_ row: Spacing) {
        let verdict = Self.verdict(row.calls)
        expectEqual(verdict.smallestGap?.span, row.gap.map(Self.span))
        expectEqual(verdict.smallestGap?.isKnown ?? true, row.isKnown)
        expectEqual(verdict.holds, row.holds)
    }

    struct Busy: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var calls: [Call]
        var minute: Int
        var day: Int
        var broken: [BudgetKind] = []
    }

    /// Budget: 3 a minute, of them 1 unknown; 5 a day, of them 2 unknown.
    static let busies: [Busy] = [
        Busy(testDescription: "nothing", calls: [], minute: 0, day: 0),
        Busy(
            testDescription: "as many as may be",
            calls: (0..<3).map { .ended(Double($0), Double($0), Double($0)).of("\($0)") },
            minute: 3, day: 3),
        Busy(
            testDescription: "one too many, a moment before the first one's minute is over",
            calls: [0, 20, 40, 60.9].map { .ended($0, $0, $0 + 1).of("\($0)") },
            minute: 4, day: 4, broken: [.minute]),
        Busy(
            testDescription: "a call counts until a minute after its end",
            calls: [0, 20, 40, 61].map { .ended($0, $0, $0 + 1).of("\($0)") }, minute: 3, day: 4),
        Busy(
            testDescription: "a lost call counts from its last possible end",
            calls: [.lost(0), .ended(20, 20, 20).of("b"), .ended(40, 40, 40).of("c")]
                + [.ended(72, 72, 72).of("d")],
            minute: 4, day: 4, broken: [.minute]),
        Busy(
            testDescription: "what was never sent does not count",
            calls: (0..<9).map { .ended(Double($0), nil, Double($0)).of("\($0)") },
            minute: 0, day: 0),
        Busy(
            testDescription: "a day too full",
            calls: (0..<6).map { .ended(Double($0), Double($0), 10).of("\($0)") },
            minute: 6, day: 6, broken: [.minute, .day]),
        Busy(
            testDescription: "a day that slides",
            calls: [0, 100, 200, 300, 400, 86_400].map { .ended($0, $0, $0).of("\($0)") },
            minute: 1, day: 5),
        Busy(
            testDescription: "unknown ids have half",
            calls: [0, 1, 100].map { .ended($0, $0, $0).of("\($0)", isUnknown: true) },
            minute: 2, day: 3, broken: [.minuteUnknown, .dayUnknown]),
    ]

    @Test(arguments: busies)
    func callsCountUntilAWindowAfterTheirEnd(_ row: Busy) {
        let verdict = Self.verdict(row.calls)
        expectEqual(verdict.busiestMinute?.calls ?? 0, row.minute)
        expectEqual(verdict.busiestDay?.calls ?? 0, row.day)
        let broken = verdict.violations.compactMap { violation -> BudgetKind? in
            guard case .budget(let kind, let busiest, let limit) = violation else { return nil }
            #expect(busiest.calls > limit)
            return kind
        }
        #expect(Set(broken) == Set(row.broken) && broken.count == row.broken.count)
    }

    struct Change: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var calls: [Call]
        var holds: Bool
        var holdsAgainstCurrent: Bool
    }

    /// Today: 30 s, 3 a minute, of them 1 unknown; 5 a day.
    static let changes: [Change] = [
        Change(
            testDescription: "the interval was raised",
            calls: [
                .ended(0, 0, 1).under(10), .ended(11, 11, 12).under(10),
                // The gate was closed for as long as the previous call requested.
                .ended(22, 22, 23).under(30), .ended(53, 53, 54).under(30),
            ], holds: true, holdsAgainstCurrent: false),
        Change(
            testDescription: "the interval was raised, and not kept after that",
            calls: [
                .ended(0, 0, 1).under(10), .ended(11, 11, 12).under(30),
                .ended(41, 41, 42).under(30),
            ], holds: false, holdsAgainstCurrent: false),
        Change(
            testDescription: "the interval was lowered",
            calls: [.ended(0, 0, 1).under(60), .ended(32, 32, 33).under(30)],
            holds: false, holdsAgainstCurrent: true),
        Change(
            testDescription: "a budget was lowered",
            calls: (0..<5).map {
                .ended(Double($0), Double($0), 5).of("\($0)").under(30, perMinute: 5)
            }
                + [.ended(66, 66, 67).of("z").under(30, perMinute: 3)],
            holds: true, holdsAgainstCurrent: false),
        Change(
            testDescription: "a budget was lowered, and the next call came too soon",
            calls: (0..<5).map {
                .ended(Double($0), Double($0), 5).of("\($0)").under(30, perMinute: 5)
            }
                + [.ended(64, 64, 67).of("z").under(30, perMinute: 3)],
            holds: false, holdsAgainstCurrent: false),
        Change(
            testDescription: "a day's budget that there was not before",
            calls: (0..<9).map {
                .ended(Double($0) * 100, Double($0) * 100, Double($0) * 100).of("\($0)").under(30)
            },
            holds: true, holdsAgainstCurrent: false),
        Change(
            testDescription: "unknown ids had half of more",
            calls: (0..<3).map {
                .ended(Double($0), Double($0), 3).of("\($0)", isUnknown: true).under(
                    30, perMinute: 6)
            },
            holds: true, holdsAgainstCurrent: false),
    ]

    @Test(arguments: changes)
    func aCallIsJudgedByTheRulesThatItWasGrantedUnder(_ row: Change) {
        expectEqual(Self.verdict(row.calls).holds, row.holds)
        let current = Self.verdict(row.calls, againstCurrent: true)
        expectEqual(current.holds, row.holdsAgainstCurrent)
    }

    @Test func anUpstreamThatIsOffIsJudgedByTheRulesOfItsCalls() {
        var audit = JournalAudit(PerSource([]))
        let calls = [Call.ended(0, 0, 1).under(10), .ended(5, 5, 6).under(10), .ended(9, 9, 9)]
        for call in calls { audit.take(Self.journaled(call, 0)) }
        let verdict = audit.verdict(on: .orders)
        #expect(verdict.violationCount == 2 && verdict.unjudged == 1)
        expectEqual(verdict.smallestGap?.least, .seconds(10))
    }

    @Test func figuresMatchTheCalls() {
        let verdict = Self.verdict([
            .ended(0, 0, 1), .lost(40).of("b"), .ended(50, nil, 50).of("c"), .ended(90, 90, 91),
        ])
        #expect(verdict.calls == 3 && verdict.actions == 2)
        #expect(verdict.withoutEnd == 1 && verdict.neverSent == 1)
        expectEqual(verdict.since, WallTime(milliseconds: 0))
        expectEqual(verdict.until, WallTime(milliseconds: 90_000))
    }

    @Test func anUpstreamThatIsOffIsCountedButNotJudged() {
        var audit = JournalAudit(PerSource([]))
        for call in [Call.ended(0, 0, 1), .ended(2, 2, 3)] { audit.take(Self.journaled(call, 0)) }
        let verdict = audit.verdict(on: .orders)
        #expect(verdict.calls == 2 && verdict.holds)
        expectEqual(verdict.smallestGap?.span, .seconds(1))
        expectEqual(audit.verdict(on: .vouchers).calls, 0)
    }

    @Test func violationsBeyondTheBoundAreOnlyCounted() {
        let moments = (0...150).map { Double($0) * 29 }
        let verdict = Self.verdict(moments.map { .ended($0, $0, $0) })
        expectEqual(verdict.violationCount, 150 + 1)  // and the day's budget
        expectEqual(verdict.violations.count, AuditVerdict.violationsMax)
    }

    // MARK: The table's world

    private static let policy = SourcePolicy(
        minInterval: .seconds(30), maxInterval: .seconds(300), callDeadline: .seconds(10),
        budget: BudgetLimits(perMinute: 3, perDay: 5))

    private static func verdict(_ calls: [Call], againstCurrent: Bool = false) -> AuditVerdict {
        var audit = JournalAudit(
            PerSource([.orders]) { _ in policy }, againstCurrent: againstCurrent)
        for (number, call) in calls.enumerated() { audit.take(journaled(call, number)) }
        return audit.verdict(on: .orders)
    }

    private static func journaled(_ call: Call, _ number: Int) -> JournaledCall {
        guard let id = ActionID(call.id) else { preconditionFailure("\(call.id) is no id") }
        return JournaledCall(
            token: FencingToken(Int64(number)), key: EntryKey(.orders, id),
            reserved: instant(call.reserved),
            reservedAt: WallTime(milliseconds: Int64(call.reserved * 1000)),
            sent: call.sent.map(instant), ended: instant(call.ended), state: call.state,
            wasUnknown: call.isUnknown, outcome: nil, limits: call.limits)
    }

    private static func instant(_ seconds: Double) -> Instant {
        Instant(nanoseconds: Int64((seconds * 1e9).rounded()))
    }

    private static func span(_ seconds: Double) -> Duration {
        .nanoseconds(Int64((seconds * 1e9).rounded()))
    }
}
