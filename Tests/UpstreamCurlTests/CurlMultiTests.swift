import Dispatch
import StatusCore
import Testing

@testable import UpstreamCurl

@Suite(.timeLimit(.minutes(1)))
struct CurlMultiTests {
    @Test func transferThatWaitsForAConnectionEndsAtItsDeadline() async throws {
        let server = LoopbackServer {
            _ = $0.request()
            $0.awaitClose()
        }
        let multi = try CurlMulti(limits: CurlMulti.Limits(connections: 4, connectionsPerHost: 1))
        // Takes the only connection: it is on the queue before the second.
        multi.start(.test(server.url), clock: bootTime) { _ in }
        let begin = bootTime()
        let second = await multi.run(.test(server.url, timeout: .milliseconds(200)))
        #expect(second.failure?.kind == .timedOut)
        #expect(second.endedAt - begin < .seconds(10))
        #expect(second.sentAt == nil)
        await multi.close()
        await server.finish()
        #expect(server.requests.count == 1)
    }

    @Test func hungHostLeavesRoomForTheOther() async throws {
        let hung = LoopbackServer { $0.awaitClose() }
        let well = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let limits = CurlMulti.Limits(connections: 8, connectionsPerHost: 4)
        let multi = try CurlMulti(limits: limits)
        // On the queue before the others, so all connections to the hung host are taken.
        for _ in 1...40 { multi.start(.test(hung.url), clock: bootTime) { _ in } }
        for _ in 1...10 {
            #expect(await multi.run(.test(well.url, timeout: .seconds(5))).reply?.status == 200)
        }
        await multi.close()
        await hung.finish()
        await well.finish()
    }

    @Test func thousandTransfersAreCarriedOutAtOnce() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti(limits: CurlMulti.Limits(connections: 32, connectionsPerHost: 32))
        let answered = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...1000 {
                group.addTask { await multi.run(.test(server.url)).reply?.status == 200 }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 1000)
        await multi.close()
        await server.finish()
        #expect(server.requests.count == 1000)
        #expect(server.accepted <= 32 + 5)
    }

    @Test func transfersOverTheLimitAreRefused() async throws {
        let server = LoopbackServer { $0.awaitClose() }
        let multi = try CurlMulti(limits: CurlMulti.Limits(transfers: 1))
        multi.start(.test(server.url), clock: bootTime) { _ in }
        let report = await multi.run(.test(server.url))
        #expect(report.failure?.detail == "over 1 transfers at once")
        await multi.close()
        await server.finish()
    }

    @Test func closingEndsWhatRunsAndRefusesWhatComes() async throws {
        let server = LoopbackServer {
            _ = $0.request()
            $0.awaitClose()
        }
        let multi = try CurlMulti()
        async let running = multi.run(.test(server.url))
        while server.requests.isEmpty { await Task.yield() }
        await multi.close()
        let report = await running
        #expect(report.failure?.kind == .connectionLost)
        #expect(report.sentAt != nil)
        let late = await multi.run(.test(server.url))
        #expect(late.failure?.kind == .connectFailed)
        #expect(late.sentAt == nil)
        await multi.close()
        await server.finish()
    }

    @Test func multiThatNobodyHoldsEndsItsTransfers() async throws {
        let server = LoopbackServer { $0.awaitClose() }
        let report = await withCheckedContinuation { continuation in
            let multi = try? CurlMulti()
            multi?.start(.test(server.url), clock: bootTime) { continuation.resume(returning: $0) }
        }
        #expect(report.failure?.kind == .connectionLost)
        await server.finish()
    }

    @Test func driverGoesAfterItsEnd() async throws {
        weak var driver: CurlDriver?
        do {
            let made = try CurlDriver.make(limits: CurlMulti.Limits())
            driver = made
            made.queue.async { made.shutDown() }
        }
        // Its last holder is the read source's cancel handler, which runs on Dispatch's own time.
        while driver != nil { await Task.yield() }
    }
}
