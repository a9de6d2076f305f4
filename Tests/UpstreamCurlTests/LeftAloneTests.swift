// Tests an upstream that must not be called for a time: requests not sent before are not sent.

import Dispatch
import Locking
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct LeftAloneTests {
    /// 1. A call's handshake is in progress. 2. The upstream must no longer be called. 3. The handshake
    /// ends.
    @Test func callThatIsConnectingAtA429IsNotSent() async throws {
        let clock = TestClock()
        let dataRecords = try await withHeldHandshakes(clock) { client, server in
            server.hold { client.leaveAlone(until: clock.read() + .seconds(600)) }
            let report = await client.call(id())
            expectEqual(report.failure?.kind, .slotExpired)
            expectEqual(report.failure?.leftAloneFor, .seconds(600))
            #expect(report.sentAt == nil)
            server.hold {}
            clock.advance(.seconds(600))
            await expectEqual(client.call(id()).reply?.status, 200)
        }
        expectEqual(dataRecords, [0, 1])
    }

    @Test func keptConnectionIsNotUsedDuringAPause() async throws {
        let clock = TestClock()
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(server.url), clock: clock.read)
        await expectEqual(client.call(id("before")).reply?.status, 200)
        client.leaveAlone(until: clock.read() + .seconds(600))
        // An earlier time changes nothing.
        client.leaveAlone(until: clock.read() + .seconds(1))
        for span in [Duration.zero, .seconds(599)] {
            clock.advance(span)
            let report = await client.call(id("within"))
            expectEqual(report.failure?.kind, .slotExpired)
            #expect(report.sentAt == nil)
        }
        clock.advance(.seconds(1))
        await expectEqual(client.call(id("after")).reply?.status, 200)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.map { $0.contains("/within ") }, [false, false])
    }

    /// 1. A 429's status line is read. 2. Another call starts. 3. The rest of the 429 arrives.
    @Test func nothingIsSentFromAThrottlingStatusLineOn() async throws {
        let (clock, isRefused) = (TestClock(), DispatchSemaphore(value: 0))
        let server = LoopbackServer { peer in
            guard peer.request() != nil else { return }
            peer.send("HTTP/1.1 429 Too Many Requests\r\n")
            _ = isRefused.wait(timeout: .now() + 60)
            peer.send("Retry-After: 7\r\nContent-Length: 2\r\n\r\n{}")
        }
        let multi = try CurlMulti()
        let request = CurlRequest.test(server.url)
        async let throttled = multi.run(request, clock: clock.read)
        while request.leftAloneUntil.withLock({ $0 }) < clock.read() {
            try Task.checkCancellation()
            await Task.yield()
        }
        let other = await multi.run(request, clock: clock.read)
        isRefused.signal()
        expectEqual(other.failure?.kind, .slotExpired)
        expectEqual(other.failure?.leftAloneFor, .seconds(1))
        #expect(other.sentAt == nil)
        await expectEqual(throttled.reply?.value(of: "retry-after"), "7")
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 1)
    }

    /// The tracker has not set the duration yet.
    @Test func afterA429NothingIsSentForAtLeastASecond() async throws {
        let clock = TestClock()
        let server = LoopbackServer { peer in
            while let request = peer.request() {
                let isFirst = request.contains("/first ")
                peer.answer(isFirst ? "429 Too Many Requests" : "200 OK", "{}")
            }
        }
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(server.url), clock: clock.read)
        let next = await withCheckedContinuation { continuation in
            client.call(id("first"), sendBefore: .distantFuture, trace: nil) { _ in
                client.call(id("next"), sendBefore: .distantFuture, trace: nil) {
                    continuation.resume(returning: $0)
                }
            }
        }
        expectEqual(next.failure?.kind, .slotExpired)
        #expect(next.sentAt == nil)
        clock.advance(.seconds(1))
        await expectEqual(client.call(id("last")).reply?.status, 200)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 2)
    }

    @Test(arguments: ["{", ""])
    func aPauseIsReportedEvenIfTheBodyIsCut(body: String) async throws {
        try await withUpstream(timeout: body.isEmpty ? .seconds(3) : patience) {
            _ = $0.request()
            $0.send("HTTP/1.1 429 Slow Down\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n\(body)")
            // Half of the body and then its end; or no more bytes until the deadline.
            if body.isEmpty { $0.awaitClose() }
        } use: { client, _ in
            let reply = await client.call(id()).reply
            expectEqual(reply?.status, 429)
            expectEqual(reply?.value(of: "retry-after"), "7")
        }
    }

    @Test func otherUpstreamIsStillCalled() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        let clients = try ["/orders/{id}", "/vouchers/{id}"].map { path in
            CurlUpstreamClient(
                multi: multi, endpoint: try .test(server.url, path: path), clock: bootTime)
        }
        clients[0].leaveAlone(until: .distantFuture)
        let refused = await clients[0].call(id()).failure
        expectEqual(refused?.kind, .slotExpired)
        expectEqual(refused?.leftAloneFor, .seconds(3600))
        await expectEqual(clients[1].call(id()).reply?.status, 200)
        await multi.close()
        await server.finish()
    }
}
