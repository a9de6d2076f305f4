// An upstream that is to be left alone: what has not been sent to it by then is not sent.

import StatusCore
import Testing

@testable import UpstreamCurl

@Suite(.timeLimit(.minutes(1)))
struct LeftAloneTests {
    /// 1. A call's handshake is under way. 2. The upstream is to be left alone. 3. The handshake ends.
    @Test func callThatIsConnectingThenIsNotSent() async throws {
        let clock = TestClock()
        let dataRecords = try await withHeldHandshakes(clock) { client, server in
            server.hold { client.leaveAlone(until: clock.read() + .seconds(600)) }
            let report = await client.call(id())
            #expect(report.failure?.kind == .slotExpired)
            #expect(report.sentAt == nil)
            server.hold {}
            clock.advance(.seconds(600))
            #expect(await client.call(id()).reply?.status == 200)
        }
        #expect(dataRecords == [0, 1])
    }

    @Test func keptConnectionIsNotUsedBeforeTheMomentHasCome() async throws {
        let clock = TestClock()
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(server.url), clock: clock.read)
        #expect(await client.call(id("before")).reply?.status == 200)
        client.leaveAlone(until: clock.read() + .seconds(600))
        // An earlier moment takes nothing back.
        client.leaveAlone(until: clock.read() + .seconds(1))
        for span in [Duration.zero, .seconds(599)] {
            clock.advance(span)
            let report = await client.call(id("within"))
            #expect(report.failure?.kind == .slotExpired)
            #expect(report.sentAt == nil)
        }
        clock.advance(.seconds(1))
        #expect(await client.call(id("after")).reply?.status == 200)
        await multi.close()
        await server.finish()
        #expect(server.requests.map { $0.contains("/within ") } == [false, false])
    }

    @Test func otherUpstreamIsStillCalled() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        let clients = try Source.allCases.map { source in
            CurlUpstreamClient(
                multi: multi, endpoint: try .test(server.url, source: source), clock: bootTime)
        }
        clients[0].leaveAlone(until: .distantFuture)
        #expect(await clients[0].call(id()).failure?.kind == .slotExpired)
        #expect(await clients[1].call(id()).reply?.status == 200)
        await multi.close()
        await server.finish()
    }
}
