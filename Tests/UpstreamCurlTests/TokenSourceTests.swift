import Locking
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct TokenSourceTests {
    /// Acts as both a token endpoint, which issues `token-1`, `token-2`…, and an upstream.
    private func upstream(
        tokens: Numbers = Numbers(), call: @escaping @Sendable (Peer, String) -> Void
    ) -> LoopbackServer {
        LoopbackServer { peer in
            while let request = peer.request() {
                guard request.hasPrefix("POST /token ") else {
                    call(peer, request)
                    continue
                }
                let token = "token-\(tokens.next())"
                peer.answer(
                    "200 OK",
                    #"{"token_type":"Bearer","access_token":"\#(token)","expires_in":3600}"#)
            }
        }
    }

    private func client(
        _ multi: CurlMulti, _ server: LoopbackServer, timeout: Duration = .seconds(20),
        secret: String = "s3cret/+&=", audience: String? = nil,
        clock: @escaping @Sendable () -> Instant = bootTime
    ) throws -> CurlUpstreamClient {
        let credentials = UpstreamCredentials.clientCredentials(
            try credentials(server, secret: secret, audience: audience))
        return CurlUpstreamClient(
            multi: multi,
            endpoint: try .test(server.url, timeout: timeout, credentials: credentials),
            clock: clock)
    }

    private func credentials(
        _ server: LoopbackServer, secret: String, audience: String? = nil
    ) throws -> ClientCredentials {
        ClientCredentials(
            tokenURL: try UpstreamURL(server.url + "/token"), clientID: "client:1",
            clientSecret: Secret(secret),
            form: audience.map { [.init("audience", $0, part: .audience)] } ?? [])
    }

    @Test func fiftyAskersShareOneFetch() async throws {
        let server = upstream { peer, _ in peer.answer("200 OK", "{}") }
        let multi = try CurlMulti()
        let client = try client(multi, server, audience: "the company")
        await withTaskGroup(of: UpstreamFault?.self) { group in
            for _ in 1...50 { group.addTask { await client.prepare() } }
            for await fault in group { #expect(fault == nil) }
        }
        await expectEqual(client.call(id()).reply?.status, 200)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 2)
        expectEqual(
            server.requests.first?.hasSuffix(
                "\r\n\r\ngrant_type=client_credentials&client_id=client%3A1"
                    + "&client_secret=s3cret%2F%2B%26%3D&audience=the%20company"), true)
        expectEqual(
            server.requests.first?.lowercased().contains(
                "\r\ncontent-type: application/x-www-form-urlencoded\r\n"), true)
        expectEqual(server.requests.last?.contains("\r\nAuthorization: Bearer token-1\r\n"), true)
    }

    @Test func refusedTokenIsFetchedAgainAndALateRefusalKeepsTheNewOne() async throws {
        let bothArrived = Barrier(count: 2)
        let firstIsDone = Barrier(count: 2)
        let server = upstream { peer, request in
            guard request.contains("Bearer token-1\r\n") else {
                return peer.answer("200 OK", "{}")
            }
            bothArrived.wait()
            if request.contains("/late ") { firstIsDone.wait() }
            peer.answer("401 Unauthorized", "")
        }
        let multi = try CurlMulti()
        let client = try client(multi, server)
        #expect(await client.prepare() == nil)
        async let late = client.call(id("late"))
        // 1. Both calls go out with token 1; 2. the first is refused, token 2 is fetched.
        await expectEqual(client.call(id("first")).reply?.status, 401)
        client.refuseCredential()
        #expect(await client.prepare() == nil)
        // 3. The late call is refused too, which is no evidence about token 2.
        startThread { firstIsDone.wait() }
        await expectEqual(late.reply?.status, 401)
        client.refuseCredential()
        #expect(await client.prepare() == nil)
        await expectEqual(client.call(id("last")).reply?.status, 200)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count { $0.hasPrefix("POST") }, 2)
        expectEqual(server.requests.last?.contains("Bearer token-2\r\n"), true)
    }

    @Test func refusedCredentialsAreNotTriedAgainAtOnce() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil {
                peer.answer("401 Unauthorized", #"{"error":"invalid_client"}"#)
            }
        }
        let multi = try CurlMulti()
        // Only the test advances the clock.
        let clock = TestClock()
        let client = try client(multi, server, clock: clock.read)
        for _ in 1...10 {
            let fault = try #require(await client.prepare())
            expectEqual(fault.kind, .tokenRefused)
            expectEqual(fault.code, "invalid_client")
            expectEqual("\(fault)".contains("s3cret"), false)
        }
        let report = await client.call(id())
        expectEqual(report.failure?.kind, .tokenUnavailable)
        #expect(report.sentAt == nil)
        clock.advance(.seconds(1))
        #expect(await client.prepare() != nil)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 2)
    }

    @Test func theTokenEndpointsRetryAfterIsAppliedAndReported() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil {
                peer.answer("429 Too Many Requests", fields: "Retry-After: 300\r\n", "")
            }
        }
        let multi = try CurlMulti()
        let clock = TestClock()
        let client = try client(multi, server, clock: clock.read)
        let first = try #require(await client.credentialFailure())
        expectEqual(first.retryIn, .seconds(300))
        expectEqual(first.fault.message, "the token endpoint answered 429")
        for _ in 1...9 {
            clock.advance(.seconds(30))
            let again = try #require(await client.credentialFailure())
            expectEqual(again.fault, first.fault)
        }
        try expectEqual(#require(await client.credentialFailure()).retryIn, .seconds(30))
        clock.advance(.seconds(30))
        _ = await client.credentialFailure()
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 2)
    }

    @Test func unreachableTokenEndpointIsUnavailable() async throws {
        let multi = try CurlMulti()
        let tokenURL = try UpstreamURL("http://127.0.0.1:\(unusedPort)/token")
        let credentials = UpstreamCredentials.clientCredentials(
            ClientCredentials(tokenURL: tokenURL, clientID: "c", clientSecret: Secret("s3cret")))
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test("http://127.0.0.1:1", credentials: credentials),
            clock: bootTime)
        let fault = try #require(await client.prepare())
        expectEqual(fault.kind, .tokenUnavailable)
        expectEqual(fault.message?.hasPrefix("token endpoint: connect-failed, CURLE_"), true)
    }

    @Test func hungTokenEndpointIsLeftAtTheDeadline() async throws {
        let server = LoopbackServer { $0.awaitClose() }
        let multi = try CurlMulti()
        let client = try client(multi, server, timeout: .milliseconds(200))
        await expectEqual(client.prepare()?.kind, .tokenUnavailable)
        await multi.close()
        await server.finish()
    }

    @Test func tokenIsRenewedBeforeItsEndWithoutAWait() {
        let clock = TestClock()
        let fetches = Fetches()
        let source = TokenSource(fetches.credentials, clock: clock.read, fetch: fetches.fetch)
        let faults = Answers()
        source.prepare(faults.take)
        expectEqual(faults.count, 0)
        fetches.end("a", lifetime: .seconds(1000))
        expectEqual(faults.count, 1)
        clock.advance(.seconds(900))
        source.prepare(faults.take)
        expectEqual(faults.count, 2, "answered at once")
        expectEqual(fetches.started, 2)
        source.prepare(faults.take)
        expectEqual(fetches.started, 2)
        expectEqual(source.current()?.value, Secret("a"))
        fetches.end("b", lifetime: .seconds(1000))
        expectEqual(source.current()?.value, Secret("b"))
        clock.advance(.seconds(1000))
        #expect(source.current() == nil)
    }

    @Test func waitersOfAReplacedCredentialGetAFetchWithTheNewOne() {
        let fetches = Fetches()
        let source = TokenSource(fetches.credentials, clock: TestClock().read, fetch: fetches.fetch)
        let faults = Answers()
        source.prepare(faults.take)
        var new = fetches.credentials
        new.clientSecret = Secret("new")
        source.replace(new)
        expectEqual(fetches.started, 1)
        fetches.end("old", lifetime: .seconds(1000))
        expectEqual(faults.count, 0)
        expectEqual(fetches.started, 2)
        expectEqual(fetches.lastCredentials?.clientSecret, Secret("new"))
        fetches.end("new", lifetime: .seconds(1000))
        expectEqual(faults.count, 1)
        expectEqual(source.current()?.value, Secret("new"))
        source.replace(new)
        #expect(source.current() != nil, "the same credentials again change nothing")
    }
}

/// 1, 2, 3…
final class Numbers: Sendable {
    private let last = Guarded(0)

    func next() -> Int {
        last.withLock { last in
            last += 1
            return last
        }
    }
}

/// Fetches that end when the test ends them.
private final class Fetches: Sendable {
    typealias End = @Sendable (TokenAnswer) -> Void

    private let state = Guarded<(started: [ClientCredentials], ends: [End])>(([], []))
    let credentials: ClientCredentials

    init() {
        guard let url = try? UpstreamURL("http://127.0.0.1/token") else {
            preconditionFailure("not a URL")
        }
        credentials = ClientCredentials(tokenURL: url, clientID: "c", clientSecret: Secret("s"))
    }

    var started: Int { state.withLock { $0.started.count } }
    var lastCredentials: ClientCredentials? { state.withLock { $0.started.last } }

    var fetch: TokenSource.Fetch {
        { [self] credentials, end in
            state.withLock { state in
                state.started.append(credentials)
                state.ends.append(end)
            }
        }
    }

    func end(_ value: String, lifetime: Duration) {
        let end = state.withLock { $0.ends.removeFirst() }
        end(.token(FetchedToken(value: Secret(value), lifetime: lifetime)))
    }
}

/// Counts the answers to callers.
private final class Answers: Sendable {
    private let faults = Guarded<[CredentialFailure?]>([])

    var count: Int { faults.withLock { $0.count } }

    var take: TokenSource.Asker { { [self] fault in faults.withLock { $0.append(fault) } } }
}
