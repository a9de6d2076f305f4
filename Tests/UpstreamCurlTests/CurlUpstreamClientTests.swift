import Glibc
import Locking
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct CurlUpstreamClientTests {
    // MARK: - What is sent

    @Test func requestIsPlainAndNamesTheAction() async throws {
        let requests = try await withUpstream {
            _ = $0.request()
            $0.answer("200 OK", "{}")
        } use: { client, _ in
            _ = await client.call(id("1ba5fc4b:~._-x"))
        }
        let request = try #require(requests.first)
        #expect(request.hasPrefix("GET /v2/orders/actions/1ba5fc4b:~._-x HTTP/1.1\r\n"))
        let lines = request.split(separator: "\r\n").dropFirst().map { $0.lowercased() }
        expectEqual(
            Set(lines.map { $0.prefix { $0 != ":" } }),
            [
                "host", "user-agent", "accept-encoding", "accept", "authorization",
            ])
        #expect(lines.contains("accept: application/json"))
        #expect(lines.contains("user-agent: status-proxy/test"))
        #expect(lines.contains("authorization: bearer \(testToken)"))
    }

    @Test func traceGoesAlongWithTheRequest() async throws {
        let requests = try await withUpstream {
            _ = $0.request()
            $0.answer("200 OK", "{}")
        } use: { client, _ in
            _ = await client.call(id("a1"), trace: "00-a-b-01")
        }
        let lines = try #require(requests.first).split(separator: "\r\n")
        #expect(lines.contains("traceparent: 00-a-b-01"))
    }

    @Test func vouchersAreAskedWithApplicationKeys() async throws {
        let server = LoopbackServer {
            _ = $0.request()
            $0.answer("200 OK", "{}")
        }
        let multi = try CurlMulti()
        let endpoint = try UpstreamEndpoint.test(
            server.url + "/", path: "/v1/async-actions/{id}",
            credentials: .applicationKeys(appID: "app-1", token: Secret(testToken)))
        let client = CurlUpstreamClient(multi: multi, endpoint: endpoint, clock: bootTime)
        #expect(await client.prepare() == nil)
        await expectEqual(client.call(id("aa_1")).reply?.status, 200)
        client.refuseCredential()
        #expect(await client.prepare() == nil)
        await multi.close()
        await server.finish()
        let request = try #require(server.requests.first)
        #expect(request.hasPrefix("GET /v1/async-actions/aa_1 HTTP/1.1\r\n"))
        #expect(request.contains("\r\nX-App-Id: app-1\r\nX-App-Token: \(testToken)\r\n"))
    }

    @Test func updatedCredentialsAreUsedFromTheNextCallOn() async throws {
        let requests = try await withUpstream { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        } use: { client, _ in
            _ = await client.call(id())
            try client.updateCredentials(.bearer(Secret("second")))
            #expect(throws: EndpointFailure.unsendable(.token)) {
                try client.updateCredentials(.bearer(Secret("a\r\nX: y")))
            }
            _ = await client.call(id())
        }
        expectEqual(requests.map { $0.contains("Bearer second\r\n") }, [false, true])
    }

    // MARK: - What comes back

    @Test(arguments: [200, 204, 301, 302, 307, 401, 404, 429, 500, 503])
    func anyStatusPassesThrough(status: Int) async throws {
        let requests = try await withUpstream {
            _ = $0.request()
            let body = status == 204 ? "" : #"{"a":1}"#
            let fields = "Location: /elsewhere\r\nX-Odd:  two  \r\nX-Odd: three\r\n"
            $0.answer("\(status) Whatever", fields: fields, body)
        } use: { client, _ in
            let report = await client.call(id())
            let reply = try #require(report.reply)
            expectEqual(reply.status, status)
            expectEqual(
                String(decoding: reply.body, as: UTF8.self), status == 204 ? "" : #"{"a":1}"#)
            expectEqual(reply.fields.map(\.name), ["location", "x-odd", "x-odd", "content-length"])
            expectEqual(reply.value(of: "x-odd"), "two")
            #expect(try #require(report.sentAt) <= report.endedAt)
        }
        expectEqual(requests.count, 1, "a redirect is not followed")
    }

    @Test func onlyTheFinalResponsesFieldsAreReported() async throws {
        try await withUpstream {
            _ = $0.request()
            $0.send("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n")
            $0.send("HTTP/1.1 200 OK\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            $0.send("2\r\n{}\r\n0\r\nTrailer: late\r\n\r\n")
        } use: { client, _ in
            let reply = try #require(await client.call(id()).reply)
            expectEqual(reply.status, 200)
            expectEqual(reply.fields.map(\.name), ["a", "transfer-encoding"])
            expectEqual(reply.body, Array("{}".utf8))
        }
    }

    @Test func gzipIsDecoded() async throws {
        try await withUpstream {
            _ = $0.request()
            $0.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 30\r\n\r\n")
            $0.send(Fixtures.gzippedObject)
        } use: { client, _ in
            await expectEqual(client.call(id()).reply?.body, Array(#"{"id":"x"}"#.utf8))
        }
    }

    private func answer(
        _ coding: String, _ body: [UInt8], status: Int = 200
    ) async throws -> UpstreamCallReport {
        let report = Guarded<UpstreamCallReport?>(nil)
        try await withUpstream {
            _ = $0.request()
            $0.send("HTTP/1.1 \(status) Whatever\r\nContent-Encoding: \(coding)\r\n")
            $0.send("Content-Length: \(body.count)\r\n\r\n")
            $0.send(body)
        } use: { client, _ in
            let ended = await client.call(id())
            report.withLock { $0 = ended }
        }
        return try #require(report.withLock { $0 })
    }

    @Test(arguments: ["gzip", "x-gzip", "GZIP", "gzip, gzip", "identity, gzip", "utf-8,gzip"])
    func gzipIsDecodedByAnyOfItsNames(coding: String) async throws {
        let report = try await answer(coding, Fixtures.gzippedObject)
        expectEqual(report.reply?.body, Array(#"{"id":"x"}"#.utf8))
    }

    @Test func gzipBodyOfSeveralMembersIsTakenWhole() async throws {
        for rest in [Fixtures.gzippedBlank + Fixtures.gzippedBlank, [0, 0, 0, 0], [0x0A]] {
            let report = try await answer("gzip", Fixtures.gzippedObject + rest)
            let body = String(decoding: report.reply?.body ?? [], as: UTF8.self)
            expectEqual(body.filter { $0 != " " }, #"{"id":"x"}"#)
            expectEqual(body.utf8.count, 10 + (rest.count > 20 ? 2 : 0))
        }
    }

    @Test(arguments: ["utf-8", "UTF8", "identity", "none", "", "json", "application/json", "br"])
    func bodyWithAnUnknownCodingIsPassedUnchanged(coding: String) async throws {
        let body = Array(#"{"id":"x"}"#.utf8)
        try await expectEqual(answer(coding, body).reply?.body, body)
    }

    private static let badGzip: [(body: [UInt8], words: String)] = [
        (Array("this is not gzip".utf8), "incorrect header check"),
        (Array(Fixtures.gzippedObject.dropLast(9)), "ends early"),
        (Fixtures.gzippedObject.dropLast(8) + [UInt8](repeating: 1, count: 8), "incorrect data"),
        (Fixtures.gzippedObject + Fixtures.gzippedObject.prefix(12), "ends early"),
    ]

    @Test(arguments: badGzip)
    func badEncodingIsNamedAsSuch(body: [UInt8], words: String) async throws {
        let failure = try #require(try await answer("gzip", body).failure)
        expectEqual(failure.kind, .malformed)
        #expect(failure.detail.contains(words) && failure.detail.contains("gzip"), "\(failure)")
        #expect(!failure.detail.contains("writing"))
    }

    @Test(arguments: [401, 404, 429, 503])
    func badEncodingDoesNotHideTheStatus(status: Int) async throws {
        let reply = try await answer("gzip", Array("no gzip".utf8), status: status).reply
        expectEqual(reply?.status, status)
        expectEqual(reply?.body, [])
    }

    // MARK: - What goes wrong

    @Test func refusedConnectionIsReported() async throws {
        let multi = try CurlMulti()
        let url = "http://127.0.0.1:\(unusedPort)"
        let client = CurlUpstreamClient(multi: multi, endpoint: try .test(url), clock: bootTime)
        let report = await client.call(id())
        let failure = try #require(report.failure)
        expectEqual(failure.kind, .connectFailed)
        #expect(failure.detail.contains("CURLE_COULDNT_CONNECT (7)"))
        #expect(failure.detail.contains("errno 111"))
        #expect(report.sentAt == nil)
    }

    @Test func unknownHostIsReported() async throws {
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test("http://nowhere.invalid"), clock: bootTime)
        let report = await client.call(id())
        expectEqual(report.failure?.kind, .connectFailed)
        #expect(report.sentAt == nil)
    }

    @Test(arguments: LostAnswer.allCases)
    func lostAnswerIsReported(answer: LostAnswer) async throws {
        let requests = try await withUpstream {
            _ = $0.request()
            answer.play($0)
        } use: { client, _ in
            let report = await client.call(id())
            let failure = try #require(report.failure)
            expectEqual(failure.kind, answer.kind, "\(failure.detail)")
            #expect(report.sentAt != nil)
            #expect(!failure.detail.contains(testToken))
        }
        expectEqual(requests.count, 1)
    }

    enum LostAnswer: CaseIterable {
        case reset, empty, halfHead, halfBody, halfChunk, notHTTP, badGzip

        func play(_ peer: Peer) {
            switch self {
            case .reset: peer.reset()
            case .empty: break
            case .halfHead: peer.send("HTTP/1.1 200 OK\r\nContent-")
            case .halfBody: peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            case .halfChunk:
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n")
            case .notHTTP: peer.send("SSH-2.0-\(testToken)\r\n")
            case .badGzip:
                peer.answer("200 OK", fields: "Content-Encoding: gzip\r\n", "this is not gzip")
            }
        }

        var kind: UpstreamFault.Kind {
            switch self {
            case .reset, .empty, .halfHead, .halfBody, .halfChunk: .connectionLost
            case .notHTTP, .badGzip: .malformed
            }
        }
    }

    @Test func hungUpstreamIsLeftAtTheDeadline() async throws {
        let requests = try await withUpstream(timeout: .seconds(1)) {
            _ = $0.request()
            $0.awaitClose()
        } use: { client, _ in
            let begin = bootTime()
            let report = await client.call(id())
            expectEqual(report.failure?.kind, .timedOut)
            #expect(report.sentAt != nil)
            #expect(report.endedAt - begin >= .seconds(1))
            #expect(report.endedAt - begin < .seconds(20))
        }
        expectEqual(requests.count, 1)
    }

    @Test func slowlyDrippingAnswerIsLeftAtTheDeadline() async throws {
        try await withUpstream(timeout: .milliseconds(300)) {
            _ = $0.request()
            $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while !$0.hasLeft(within: .milliseconds(20)), $0.send(" ") {}
        } use: { client, _ in
            await expectEqual(client.call(id()).failure?.kind, .timedOut)
        }
    }

    // MARK: - Limits

    @Test(arguments: OversizedAnswer.allCases)
    func oversizedAnswerIsRefused(answer: OversizedAnswer) async throws {
        try await withUpstream {
            _ = $0.request()
            answer.play($0)
            $0.awaitClose()
        } use: { client, _ in
            let failure = try #require(await client.call(id()).failure)
            expectEqual(failure.kind, .tooLarge, "\(failure.detail)")
        }
    }

    enum OversizedAnswer: CaseIterable {
        case reported, chunked, unreported, manyFields, longField, endlessInformation

        func play(_ peer: Peer) {
            let tooMuch = ResponseLimits().bodyBytesMax + 1
            let head = "HTTP/1.1 200 OK\r\n"
            switch self {
            case .reported: peer.send(head + "Content-Length: \(tooMuch)\r\n\r\n")
            case .chunked:
                peer.send(head + "Transfer-Encoding: chunked\r\n\r\n")
                peer.send(String(tooMuch, radix: 16) + "\r\n")
                peer.send([UInt8](repeating: 0x20, count: tooMuch))
            case .unreported:
                peer.send(head + "Connection: close\r\n\r\n")
                peer.send([UInt8](repeating: 0x20, count: tooMuch))
            case .manyFields: peer.send(head + String(repeating: "A: b\r\n", count: 300) + "\r\n")
            case .longField:
                peer.send(head + "A: " + String(repeating: "b", count: 70_000) + "\r\n\r\n")
            case .endlessInformation:
                while peer.send(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 50)) {}
            }
        }
    }

    @Test func bodyOfExactlyTheLimitIsTaken() async throws {
        let size = ResponseLimits().bodyBytesMax
        try await withUpstream {
            _ = $0.request()
            $0.answer("200 OK", String(repeating: " ", count: size))
        } use: { client, _ in
            await expectEqual(client.call(id()).reply?.body.count, size)
        }
    }

    @Test func gzipBombStopsAtTheLimitOfDecodedBytes() async throws {
        try await withUpstream(limits: ResponseLimits(bodyBytesMax: 100_000)) {
            _ = $0.request()
            let bomb = Fixtures.gzippedSpaces200000
            $0.send("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
            $0.send("Content-Length: \(bomb.count)\r\n\r\n")
            $0.send(bomb)
        } use: { client, _ in
            await expectEqual(client.call(id()).failure?.kind, .tooLarge)
        }
    }

    // MARK: - The gate's last look

    @Test func nothingIsSentAtOrAfterSendBefore() async throws {
        let requests = try await withUpstream { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        } use: { client, _ in
            let report = await client.call(id(), sendBefore: bootTime())
            expectEqual(report.failure?.kind, .slotExpired)
            #expect(report.sentAt == nil)
            // The connection's loss affects no later call.
            await expectEqual(client.call(id()).reply?.status, 200)
        }
        expectEqual(requests.count, 1)
    }

    @Test func callOnADyingConnectionIsNotRepeated() async throws {
        let requests = try await withUpstream { peer in
            guard peer.request() != nil else { return }
            peer.answer("200 OK", "{}")
            // The next request is read and dropped; only the upstream decides whether it counts.
            _ = peer.request()
        } use: { client, _ in
            await expectEqual(client.call(id("first")).reply?.status, 200)
            let report = await client.call(id("second"))
            let failure = try #require(report.failure)
            expectEqual(failure.kind, .connectionLost)
            expectEqual(
                failure.detail, "the reused connection was dead; the request was not repeated")
            #expect(report.sentAt != nil)
        }
        expectEqual(requests.map { $0.contains("/second ") }, [false, true])
    }

    @Test func withoutTheGuardLibcurlRepeatsARequest() async throws {
        let server = LoopbackServer { peer in
            guard peer.request() != nil else { return }
            peer.answer("200 OK", "{}")
            _ = peer.request()
        }
        let multi = try CurlMulti()
        var request = CurlRequest.test(server.url)
        request.sendsMax = 6
        _ = await multi.run(request)
        _ = await multi.run(request)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 3, "two transfers; the guard is there for the third")
    }

    @Test func connectionClosedWhileIdleIsReplaced() async throws {
        let requests = try await withUpstream { peer in
            guard peer.request() != nil else { return }
            peer.answer("200 OK", fields: "Connection: close\r\n", "{}")
        } use: { client, server in
            for _ in 1...3 { await expectEqual(client.call(id()).reply?.status, 200) }
            expectEqual(server.accepted, 3)
        }
        expectEqual(requests.count, 3)
    }

    // MARK: - Many at once

    @Test func sequentialCallsShareAConnection() async throws {
        try await withUpstream { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        } use: { client, server in
            for _ in 1...5 { await expectEqual(client.call(id()).reply?.status, 200) }
            expectEqual(server.accepted, 1)
            expectEqual(server.requests.count, 5)
        }
    }

    @Test func twentyCallsRunAtOnce() async throws {
        let arrived = Barrier(count: 20)
        let requests = try await withUpstream { peer in
            guard peer.request() != nil else { return }
            // None is answered before all twenty have arrived.
            arrived.wait()
            peer.answer("200 OK", "{}")
        } use: { client, _ in
            let statuses = try await withThrowingTaskGroup(of: Int?.self) { group in
                for number in 1...20 {
                    group.addTask { await client.call(id("n\(number)")).reply?.status }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            expectEqual(statuses, Array(repeating: 200, count: 20))
        }
        expectEqual(Set(requests).count, 20)
    }
}

extension CurlRequest {
    static func test(_ url: String, timeout: Duration = .seconds(20)) -> CurlRequest {
        CurlRequest(
            url: url + "/x", destination: url, scheme: .http, isLoopback: true, fields: [],
            userAgent: "status-proxy/test", timeout: timeout, sendBefore: .distantFuture,
            trust: TrustAnchors())
    }
}
