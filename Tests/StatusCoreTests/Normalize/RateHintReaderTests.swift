import TestSupport
import Testing

@testable import StatusCore

@Suite struct RateHintReaderTests {
    typealias Field = UpstreamReply.Field

    private func hints(_ status: Int, _ fields: [Field]) -> RateHints {
        let reply = UpstreamReply(status: status, fields: fields, body: [])
        return RateHintReader.hints(in: reply, now: NormalizeFixtures.now)
    }

    private func wait(_ status: Int, _ fields: [Field]) -> Int64? {
        hints(status, fields).retryAfter.map { ($0.nanoseconds + 999_999_999) / 1_000_000_000 }
    }

    @Test(
        arguments: [
            ("30", 30), ("0", 1), ("1", 1), (" 7\t", 7), ("3600", 3600), ("3601", 3600),
            ("99999999999999999999999", 3600),
            // A Unix time in the field for seconds: an hour, not 55 years.
            ("1793527380", 3600),
            ("Sun, 01 Nov 2026 10:02:30 GMT", 30), ("Sunday, 01-Nov-26 10:02:30 GMT", 30),
            ("Sun Nov  1 10:02:30 2026", 30), ("Sun, 01 Nov 2099 10:02:30 GMT", 3600),
            // Never less than what was reported.
            ("299.997", 300), ("5.5", 6), ("5.000", 5), ("0.2", 1),
            ("2026-11-01T10:02:30Z", 30), ("2026-11-01T11:02:30.500+01:00", 31),
            (" 2026-11-01T10:02:30Z ", 30),
            // Lines that were joined: the latest of them.
            ("5, 90", 90), ("90,5", 90), ("5, Sun, 01 Nov 2026 10:02:30 GMT", 30),
            ("Sun, 01 Nov 2026 10:02:30 GMT, 5", 30), ("later, 7", 7),
            // Neither seconds nor a future time, so no hint: a limit then means a minute.
            ("2026-11-01T10:02:00Z", 60), ("1.2.3", 60), ("7.", 60), (".5", 60), ("5.x", 60),
            ("Sun, 01 Nov 2026 10:01:30 GMT", 60), ("Sun, 01 Nov 2026 10:02:00 GMT", 60),
            ("-5", 60), ("", 60), ("soon", 60), ("٣", 60),
            ("Sun, 31 Feb 2026 10:02:30 GMT", 60),
        ] as [(String, Int64)])
    func retryAfterIsSecondsOrADate(text: String, seconds: Int64) {
        expectEqual(wait(429, [Field("retry-after", text)]), seconds)
        expectEqual(wait(503, [Field("retry-after", text)]), seconds == 60 ? nil : seconds)
    }

    @Test(
        arguments: [
            ("1793527350", 30), ("1793527321", 1), ("1793530920", 3600), ("1793540000", 3600),
            ("99999999999999999999999", 3600), ("1793527350000", 3600),
            // Seconds in the field for a Unix time, a past time, or no number: a minute.
            ("30", 60), ("0", 60), ("1793527320", 60), ("1793527000", 60), ("", 60), ("x", 60),
            ("-1", 60),
        ] as [(String, Int64)])
    func rateLimitRetryIsAUnixTime(text: String, seconds: Int64) {
        let field = Field("x-rate-limit-retry", text)
        expectEqual(wait(429, [field]), seconds)
        expectEqual(wait(200, [Field("x-rate-limit-remaining", "0"), field]), seconds)
    }

    @Test func theLatestOfAllTimesCounts() {
        let (unixTime, later) = (Field("x-rate-limit-retry", "1793527350"), "1793527360")
        expectEqual(wait(429, [unixTime, Field("retry-after", "5")]), 30)
        expectEqual(wait(429, [unixTime, Field("retry-after", "50")]), 50)
        expectEqual(wait(429, [Field("retry-after", "5"), Field("retry-after", "70")]), 70)
        expectEqual(wait(503, [Field("retry-after", "70"), Field("retry-after", "soon")]), 70)
        expectEqual(wait(429, [unixTime, Field("x-rate-limit-retry", later)]), 40)
        #expect(wait(200, [Field("x-rate-limit-remaining", "5"), unixTime]) == nil)
    }

    @Test func callsLeftAreValidUntilTheReportedTime() {
        let (none, some) = (
            Field("x-rate-limit-remaining", "0"), Field("x-rate-limit-remaining", "7")
        )
        let end = Field("x-rate-limit-retry", "1793527324")
        expectEqual(hints(200, [none, end]).remainingFor, .seconds(4))
        expectEqual(hints(200, [some, end]).remainingFor, .seconds(4))
        expectEqual(hints(429, [none, Field("retry-after", "9"), end]).remainingFor, .seconds(9))
        #expect(hints(200, [some, Field("retry-after", "9")]).remainingFor == nil)
        #expect(hints(200, [none]).remainingFor == nil)
        expectEqual(hints(200, [some, none]).remaining, 0, "of several the smallest")
    }

    @Test func unixTimeIsUsedWithoutAReadableRetryAfter() {
        let fields = [Field("retry-after", "later"), Field("x-rate-limit-retry", "1793527350")]
        expectEqual(wait(429, fields), 30)
    }

    @Test(
        arguments: [
            ([], nil), ([Field("x-rate-limit-remaining", "50")], nil),
            ([Field("x-rate-limit-remaining", "0")], 60),
            ([Field("x-rate-limit-retry", "1793527000")], nil),
            ([Field("x-rate-limit-retry", "1793527320")], nil),
            ([Field("x-rate-limit-retry", "1793527350")], 30),
            (
                [Field("x-rate-limit-remaining", "50"), Field("x-rate-limit-retry", "1793527350")],
                nil
            ),
            ([Field("x-rate-limit-remaining", "50"), Field("retry-after", "5")], 5),
            ([Field("x-rate-limit-remaining", "many")], nil),
        ] as [([Field], Int64?)])
    func plainAnswerAsksForAWaitOnlyExplicitly(fields: [Field], seconds: Int64?) {
        expectEqual(wait(200, fields), seconds)
    }

    @Test func throttledWithoutATimeMeansAMinute() {
        expectEqual(wait(429, []), 60)
        #expect(wait(500, []) == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("57", 57), (" 5 ", 5), ("-1", nil), ("", nil), ("1.5", nil), ("x", nil),
            ("99999999999999999999999", .max),
        ] as [(String, Int?)])
    func remainingIsAWholeNumberOrUnknown(text: String, remaining: Int?) {
        expectEqual(hints(200, [Field("x-rate-limit-remaining", text)]).remaining, remaining)
    }

    @Test(arguments: [
        ("api_calls_cycle", true), (" API_CALLS_CYCLE ", true), ("api_calls", false),
        ("bulk_api_calls", false), ("webhook_calls", false), ("", false),
    ])
    func cycleLimitIsRecognised(text: String, isCycleLimit: Bool) {
        expectEqual(hints(429, [Field("x-rate-limit-type", text)]).isCycleLimit, isCycleLimit)
    }

    @Test func missingFieldsGiveNoHints() {
        expectEqual(hints(200, []), .none)
    }

    @Test func extremeClockDoesNotOverflow() {
        let reply = UpstreamReply(
            status: 429, fields: [Field("x-rate-limit-retry", "99999999999999")], body: [])
        for milliseconds in [Int64.min, .max] {
            let hints = RateHintReader.hints(
                in: reply, now: WallTime(milliseconds: milliseconds))
            expectEqual(hints.retryAfter, milliseconds < 0 ? .seconds(3600) : .seconds(60))
        }
    }
}
