import StatusCore
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

    /// `#expect` cannot call what mutates.
    private func expect(_ answer: TokenCache.Answer?, _ expected: TokenCache.Answer?) {
        #expect(answer == expected)
    }

    @Test func firstAskerStartsTheOnlyFetch() {
        var cache = TokenCache()
        let first = cache.ask(now: at(0))
        #expect(first == (.wait, true))
        for _ in 1...50 {
            let next = cache.ask(now: at(0))
            #expect(next == (.wait, false))
        }
        expect(cache.fetched(token("a"), now: at(0.1)), .ready)
        #expect(cache.usable(now: at(0.1))?.value == Secret("a"))
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
        expect(cache.fetched(token("a", lifetime: .seconds(100)), now: at(90)), .ready)
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
        #expect(fault.kind == .tokenUnavailable)
        let asked = cache.ask(now: at(6.5))
        #expect(asked == (.fault(fault), false))
    }

    @Test func failuresAreRememberedAndBackedOff() {
        var cache = TokenCache()
        var now = 0.0
        for wait in [1.0, 2, 4, 8, 16, 32, 60, 60] {
            let asked = cache.ask(now: at(now))
            #expect(asked == (.wait, true))
            expect(cache.fetched(.fault(fault), now: at(now)), .fault(fault))
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

    @Test func failedRenewalLeavesTheOldTokenInUse() {
        var cache = cache(fetched: "a", lifetime: .seconds(100))
        _ = cache.ask(now: at(80))
        expect(cache.fetched(.fault(fault), now: at(81)), .ready)
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
        #expect(cache.usable(now: at(2))?.value == Secret("b"))
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
        #expect(fetches == 7)
        let asked = cache.ask(now: at(60))
        guard case .fault(let fault) = asked.answer else {
            Issue.record("expected a fault")
            return
        }
        #expect(fault.kind == .tokenRefused)
    }

    @Test func newCredentialsOutdateARunningFetch() {
        var cache = TokenCache()
        _ = cache.ask(now: at(0))
        cache.reset()
        var asked = cache.ask(now: at(0))
        #expect(asked == (.wait, false), "never two fetches at once")
        expect(cache.fetched(token("old"), now: at(1)), nil)
        #expect(cache.usable(now: at(1)) == nil)
        asked = cache.ask(now: at(1))
        #expect(asked == (.wait, true))
    }
}

struct TokenAnswerTests {
    @Test(arguments: [
        (#"{"token_type":"Bearer","access_token":"t","expires_in":3599}"#, 3599),
        (#"{"token_type":"bearer","access_token":"t","expires_in":"60","x":[1]}"#, 60),
        (#"{"token_type":"BEARER","access_token":"t"}"#, 300),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":null}"#, 300),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":"soon"}"#, 300),
        (#"{"token_type":"Bearer","access_token":"t","expires_in":99999999}"#, 86_400),
    ])
    func tokenIsRead(body: String, seconds: Int) {
        let expected = FetchedToken(value: Secret("t"), lifetime: .seconds(seconds))
        #expect(TokenAnswer.readToken(Array(body.utf8)) == expected)
    }

    @Test(arguments: [
        "", "{}", "<html>", #"{"token_type":"Bearer"}"#, #"{"access_token":"t"}"#,
        #"{"token_type":"mac","access_token":"t"}"#,
        #"{"token_type":"Bearer","access_token":""}"#,
        #"{"token_type":"Bearer","access_token":"a\r\nX-Evil: b"}"#,
        #"{"token_type":"Bearer","access_token":"a b"}"#,
        #"{"token_type":"Bearer","access_token":"ü"}"#,
        #"{"token_type":"Bearer","access_token":"t","expires_in":0}"#,
        #"{"token_type":"Bearer","access_token":"t","expires_in":-5}"#,
    ])
    func otherAnswersHoldNoToken(body: String) {
        #expect(TokenAnswer.readToken(Array(body.utf8)) == nil)
    }

    @Test func tokenTooLongForOneSendIsRefused() {
        let long = String(repeating: "t", count: Secret.bytesMax + 1)
        let body = #"{"token_type":"Bearer","access_token":"\#(long)"}"#
        #expect(TokenAnswer.readToken(Array(body.utf8)) == nil)
    }

    @Test(arguments: [
        (400, UpstreamFault.Kind.tokenRefused), (401, .tokenRefused), (403, .tokenRefused),
        (404, .tokenUnavailable), (429, .tokenUnavailable), (500, .tokenUnavailable),
        (302, .tokenUnavailable), (200, .tokenUnavailable),
    ])
    func statusDecidesBetweenRefusedAndUnavailable(status: Int, kind: UpstreamFault.Kind) {
        let body = #"{"error":"invalid_client","error_description":"s3cret"}"#
        let reply = UpstreamReply(status: status, fields: [], body: Array(body.utf8))
        guard case .fault(let fault) = TokenAnswer.read(.success(reply)) else {
            Issue.record("expected a fault")
            return
        }
        #expect(fault.kind == kind)
        #expect(fault.httpStatus == status)
        #expect(fault.code == (kind == .tokenRefused ? "invalid_client" : nil))
        #expect(fault.message?.contains("s3cret") == false)
    }

    @Test func unknownErrorCodesAreNotPassedOn() {
        let reply = UpstreamReply(status: 401, fields: [], body: Array(#"{"error":"x"}"#.utf8))
        guard case .fault(let fault) = TokenAnswer.read(.success(reply)) else { return }
        #expect(fault.code == nil)
    }
}
