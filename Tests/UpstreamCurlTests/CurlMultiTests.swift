import Dispatch
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct CurlMultiTests {
    @Test func hungUpstreamLeavesRoomForTheOther() async throws {
        let hung = LoopbackServer { $0.awaitClose() }
        let well = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti(
            limits: CurlMulti.Limits(transfers: 8, transfersPerDestination: 4))
        for _ in 1...4 { multi.start(.test(hung.url), clock: bootTime) { _ in } }
        let refused = await multi.run(.test(hung.url))
        #expect(refused.failure?.kind == .outOfResources)
        #expect(refused.failure?.detail == "over 4 transfers at once to one upstream")
        // More than four in a row: what is over is no longer counted.
        for _ in 1...10 {
            #expect(await multi.run(.test(well.url)).reply?.status == 200)
        }
        await multi.close()
        await hung.finish()
        await well.finish()
    }

    @Test func fiveHundredTransfersAreCarriedOutAtOnce() async throws {
        let server = LoopbackServer { peer in
            while peer.request() != nil { peer.answer("200 OK", "{}") }
        }
        let multi = try CurlMulti()
        let answered = await withTaskGroup(of: Bool.self) { group in
            for _ in 1...500 {
                group.addTask { await multi.run(.test(server.url)).reply?.status == 200 }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(answered == 500)
        await multi.close()
        await server.finish()
        #expect(server.requests.count == 500)
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
        #expect(late.failure?.kind == .outOfResources)
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
