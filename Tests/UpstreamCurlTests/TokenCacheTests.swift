import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

struct TokenCacheTests {
    let fault = UpstreamFault(kind: .tokenUnavailable, message: "test")

    private func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: 0) + .seconds(1_000_000) + .seconds(seconds)
    }

    private func token(_ value: String, lifetime: Duration = .seconds(3600)) -> TokenAnswer {
        .token(FetchedToken(value: Secret(value), lifetime: lifetime))
    }

    private func cache(fetched value: String, lifetime: Duration = .seconds(3600)) -> TokenCache {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        _ = cache.fetched(token(value, lifetime: lifetime), now: at(0))
        return cache
    }

    @Test func firstAskerStartsTheOnlyFetch() {
        var cache = TokenCache()
        let first = cache.ask(now: at(0))
        #expect(first == (.wait, true))
        for _ in 1...50 {
            let next = cache.ask(now: at(0))
            #expect(next == (.wait, false))
        }
        expectEqual(cache.fetched(token("a"), now: at(0.1)), .ready)
        expectEqual(cache.usable(now: at(0.1))?.value, Secret("a"))
        let later = cache.ask(now: at(1))
        #expect(later == (.ready, false))
    }

    @Test(arguments: [
        // lifetime, renewed from, usable until
        (3600.0, 3300.0, 3598.0),
        (900.0, 720.0, 898.0),
        (10.0, 8.0, 9.0),
        (86_400.0, 86_100.0, 86_398.0),
    ])
    func tokenIsRenewedAheadAndNeverUsedAfterItsEnd(
        lifetime: Double, renewAt: Double, usableUntil: Double
    ) {
        var cache = cache(fetched: "a", lifetime: .seconds(lifetime))
        var asked = cache.ask(now: at(renewAt - 0.001))
        #expect(asked == (.ready, false))
        asked = cache.ask(now: at(renewAt))
        #expect(asked == (.ready, true), "the old token serves while the new one is fetched")
        asked = cache.ask(now: at(renewAt + 0.1))
        #expect(asked == (.ready, false), "by one fetch")
        #expect(cache.usable(now: at(usableUntil - 0.001)) != nil)
        #expect(cache.usable(now: at(usableUntil)) == nil)
        asked = cache.ask(now: at(usableUntil))
        #expect(asked == (.wait, false))
    }

    @Test func lifetimeCountsFromBeforeTheFetch() {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        expectEqual(cache.fetched(token("a", lifetime: .seconds(100)), now: at(90)), .ready)
        #expect(cache.usable(now: at(98)) == nil)
    }

    @Test func tokenThatExpiredOnArrivalIsAFailure() {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        let answer = cache.fetched(token("a", lifetime: .seconds(5)), now: at(6))
        guard case .fault(let fault) = answer else {
            Issue.record("expected a fault")
            return
        }
        expectEqual(fault.kind, .tokenUnavailable)
        let asked = cache.ask(now: at(6.5))
        #expect(asked == (.fault(fault), false))
    }

    @Test func failuresCauseABackOff() {
        var cache = TokenCache()
        var now = 0.0
        for wait in [1.0, 2, 4, 8, 16, 32, 60, 60] {
            let asked = cache.ask(now: at(now))
            #expect(asked == (.wait, true))
            expectEqual(cache.fetched(.fault(fault), now: at(now)), .fault(fault))
            let early = cache.ask(now: at(now + wait - 0.001))
            #expect(early == (.fault(fault), false))
            now += wait
        }
        _ = cache.ask(now: at(now))
        _ = cache.fetched(token("a", lifetime: .seconds(1)), now: at(now))
        _ = cache.ask(now: at(now + 2))
        _ = cache.fetched(.fault(fault), now: at(now + 2))
        let again = cache.ask(now: at(now + 3))
        #expect(again == (.wait, true), "a success ends the series")
    }

    @Test(arguments: [(300.0, 300.0), (0.5, 1.0)])
    func theLaterOfBackOffAndRetryAfterCounts(reported: Double, wait: Double) {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        let answer = TokenAnswer.fault(fault, retryAfter: .seconds(reported))
        expectEqual(cache.fetched(answer, now: at(0)), .fault(fault))
        expectEqual(cache.retryIn(now: at(0)), .seconds(wait))
        var asked = cache.ask(now: at(wait - 0.001))
        #expect(asked == (.fault(fault), false))
        asked = cache.ask(now: at(wait))
        #expect(asked == (.wait, true))
    }

    @Test func failedRenewalLeavesTheOldTokenInUse() {
        var cache = cache(fetched: "a", lifetime: .seconds(100))
        _ = cache.ask(now: at(80))
        expectEqual(cache.fetched(.fault(fault), now: at(81)), .ready)
        var asked = cache.ask(now: at(81.5))
        #expect(asked == (.ready, false))
        asked = cache.ask(now: at(82))
        #expect(asked == (.ready, true))
    }

    @Test func refusedTokenIsDropped() {
        var cache = cache(fetched: "a")
        cache.refuse(now: at(1))
        #expect(cache.usable(now: at(1)) != nil, "no 401 came")
        cache.answered(number: 1, isRefusal: true)
        cache.refuse(now: at(1))
        #expect(cache.usable(now: at(1)) == nil)
        let asked = cache.ask(now: at(1))
        #expect(asked == (.wait, true))
    }

    @Test func lateRefusalOfAnOldTokenDoesNotDropTheNewOne() {
        var cache = cache(fetched: "a")
        cache.answered(number: 1, isRefusal: true)
        cache.refuse(now: at(1))
        _ = cache.ask(now: at(1))
        _ = cache.fetched(token("b"), now: at(1))
        cache.answered(number: 1, isRefusal: true)
        cache.refuse(now: at(2))
        expectEqual(cache.usable(now: at(2))?.value, Secret("b"))
    }

    @Test func upstreamThatRefusesEveryNewTokenCausesNoStormOfFetches() {
        var cache = TokenCache()
        var fetches = 0
        for tick in 0..<600 {
            let now = at(Double(tick) * 0.1)
            guard cache.ask(now: now).fetches else { continue }
            fetches += 1
            _ = cache.fetched(token("t\(fetches)"), now: now)
            cache.answered(number: fetches, isRefusal: true)
            cache.refuse(now: now)
        }
        // In 60 s: at 0, 0.1, then after 1, 2, 4, 8, 16 s.
        expectEqual(fetches, 7)
        let asked = cache.ask(now: at(60))
        guard case .fault(let fault) = asked.answer else {
            Issue.record("expected a fault")
            return
        }
        expectEqual(fault.kind, .tokenRefused)
    }

    @Test func newCredentialsOutdateARunningFetch() {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        cache.reset()
        var asked = cache.ask(now: at(0))
        #expect(asked == (.wait, false), "never two fetches at once")
        expectEqual(cache.fetched(token("old"), now: at(1)), nil)
        #expect(cache.usable(now: at(1)) == nil)
        asked = cache.ask(now: at(1))
        #expect(asked == (.wait, true))
    }
}

struct TokenAnswerTests {
    @Test(arguments: [
        (#"{"token_type":"Bearer","access_token":"t","expires_in":3599}"#, 3599),
        (#"{"token_type":"bearer","access_token":"t","expires_in":"60","x":[1]}"#, 60),
        (#"{"token_type":"BEARER","access_token":"t","expires_in":99999999}"#, 86_400),
        (#"{"token_type":null,"access_token":"t","expires_in":900}"#, 900),
        (#"{"access_token":"t","expires_in":900}"#, 900),
        // A lifetime that is missing or invalid: the token is used, and renewed soon.
        (#"{"token_type":"Bearer","access_token":"t"}"#, 60),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":null}"#, 60),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":"soon"}"#, 60),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":0}"#, 60),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":-5}"#, 60),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":"0"}"#, 60),
    ])
    func tokenIsRead(body: String, seconds: Int) throws {
        let expected = FetchedToken(value: Secret("t"), lifetime: .seconds(seconds))
        try expectEqual(TokenAnswer.readToken(Array(body.utf8)), expected)
    }

    @Test(arguments: [
        ("", "is not a JSON object"), ("<html>", "is not a JSON object"),
        (#"["t"]"#, "is not a JSON object"), ("{}", "has no access_token"),
        (#"{"token_type":"Bearer"}"#, "has no access_token"),
        (#"{"token_type":"Bearer","access_token":7}"#, "has no access_token"),
        (
            #"{"token_type":"mac","access_token":"t"}"#, "has a token_type other than Bearer"
        ),
        (#"{"token_type":7,"access_token":"t"}"#, "has a token_type other than Bearer"),
        (#"{"token_type":"Bearer","access_token":""}"#, unsendable),
        (#"{"token_type":"Bearer","access_token":"a\r\nX-Evil: b"}"#, unsendable),
        (#"{"token_type":"Bearer","access_token":"a b"}"#, unsendable),
        (#"{"token_type":"Bearer","access_token":"ü"}"#, unsendable),
    ])
    func reasonForAnUnusableTokenIsNamed(body: String, reason: String) {
        let reply = UpstreamReply(status: 200, fields: [], body: Array(body.utf8))
        let fault = UpstreamFault(
            kind: .tokenUnavailable, httpStatus: 200,
            message: "the token endpoint's answer \(reason)")
        expectEqual(TokenAnswer.read(.success(reply)), .fault(fault))
    }

    private static let unsendable =
        "has an access_token that is empty, too long, or no valid field value"

    @Test func tokenTooLongForOneSendIsRefused() {
        let long = String(repeating: "t", count: Secret.bytesMax + 1)
        let body = #"{"token_type":"Bearer","access_token":"\#(long)"}"#
        #expect(throws: TokenAnswer.Unusable.unsendable) {
            try TokenAnswer.readToken(Array(body.utf8))
        }
    }

    @Test(
        arguments: [
            (429, "300", 300), (503, "2.5", 3), (401, "60", 60), (500, "soon", nil),
            (429, "Sun, 01 Nov 2026 10:05:00 GMT", 180), (429, "99999", 3600),
        ] as [(Int, String, Int?)])
    func theEndpointsOwnRetryAfterIsRead(status: Int, text: String, seconds: Int?) {
        let fields = [
            UpstreamReply.Field("date", "Sun, 01 Nov 2026 10:02:00 GMT"),
            UpstreamReply.Field("retry-after", text),
        ]
        let reply = UpstreamReply(status: status, fields: fields, body: [])
        guard case .fault(_, let retryAfter) = TokenAnswer.read(.success(reply)) else {
            Issue.record("expected a fault")
            return
        }
        expectEqual(retryAfter, seconds.map { .seconds($0) })
    }

    @Test func aRetryDateWithoutADateFieldIsIgnored() {
        let field = UpstreamReply.Field("retry-after", "Sun, 01 Nov 2026 10:05:00 GMT")
        #expect(UpstreamReply(status: 429, fields: [field], body: []).retryAfter == nil)
    }

    @Test(arguments: [
        (400, UpstreamFault.Kind.tokenRefused), (401, .tokenRefused), (403, .tokenRefused),
        (404, .tokenUnavailable), (429, .tokenUnavailable), (500, .tokenUnavailable),
        (302, .tokenUnavailable), (200, .tokenUnavailable),
    ])
    func statusDecidesBetweenRefusedAndUnavailable(status: Int, kind: UpstreamFault.Kind) {
        let body = #"{"error":"invalid_client","error_description":"s3cret"}"#
        let reply = UpstreamReply(status: status, fields: [], body: Array(body.utf8))
        guard case .fault(let fault, _) = TokenAnswer.read(.success(reply)) else {
            Issue.record("expected a fault")
            return
        }
        expectEqual(fault.kind, kind)
        expectEqual(fault.httpStatus, status)
        expectEqual(fault.code, kind == .tokenRefused ? "invalid_client" : nil)
        expectEqual(fault.message?.contains("s3cret"), false)
    }

    @Test func unknownErrorCodesAreNotPassedOn() {
        let reply = UpstreamReply(status: 401, fields: [], body: Array(#"{"error":"x"}"#.utf8))
        guard case .fault(let fault, _) = TokenAnswer.read(.success(reply)) else { return }
        #expect(fault.code == nil)
    }
}
