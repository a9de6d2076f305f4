import Dispatch
import Locking
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
        expectEqual(refused.failure?.kind, .outOfResources)
        expectEqual(refused.failure?.detail, "over 4 transfers at once to one upstream")
        // More than four in turn: an ended call no longer counts.
        for _ in 1...10 {
            await expectEqual(multi.run(.test(well.url)).reply?.status, 200)
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
        expectEqual(answered, 500)
        await multi.close()
        await server.finish()
        expectEqual(server.requests.count, 500)
    }

    @Test func transfersOverTheLimitAreRefused() async throws {
        let server = LoopbackServer { $0.awaitClose() }
        let multi = try CurlMulti(limits: CurlMulti.Limits(transfers: 1))
        multi.start(.test(server.url), clock: bootTime) { _ in }
        let report = await multi.run(.test(server.url))
        expectEqual(report.failure?.detail, "over 1 transfers at once")
        await multi.close()
        await server.finish()
    }

    /// Reports that a reader still holds.
    private func start(
        _ count: Int, _ url: String, on multi: CurlMulti, timeout: Duration = .seconds(30)
    ) -> Guarded<[UpstreamCallReport]> {
        let reports = Guarded<[UpstreamCallReport]>([])
        for _ in 0..<count {
            multi.start(.test(url, timeout: timeout), clock: bootTime) { report in
                reports.withLock { $0.append(report) }
            }
        }
        return reports
    }

    private func largeServer() -> LoopbackServer {
        LoopbackServer { peer in
            while peer.request() != nil {
                peer.answer("200 OK", String(repeating: "x", count: 1 << 20))
            }
        }
    }

    @Test func largeAnswersOfOneDestinationTakeTurns() async throws {
        let server = largeServer()
        let other = largeServer()
        let multi = try CurlMulti(limits: CurlMulti.Limits(largeBodiesPerDestination: 2))
        let reports = start(6, server.url, on: multi)
        for round in 1...6 {
            try await eventually("two answers") { reports.withLock { $0.count } >= 2 }
            if round == 1 {
                try await eventually("all requests") { server.requests.count == 6 }
                // None of the other four, although all requests are sent; another upstream's answer
                // passes.
                await expectEqual(multi.run(.test(other.url)).reply?.body.count, 1 << 20)
                expectEqual(reports.withLock { $0.count }, 2)
            }
            let report = reports.withLock { $0.removeFirst() }
            expectEqual(report.reply?.body.count, 1 << 20)
            if round == 4 { break }
        }
        reports.withLock { $0 = [] }
        try await eventually("the last requests") { server.requests.count == 6 }
        await multi.close()
        await server.finish()
        await other.finish()
    }

    @Test func largeAnswersOfAllDestinationsAreBoundedAndEachDestinationHasOne() async throws {
        let servers = (0..<4).map { _ in largeServer() }
        let multi = try CurlMulti(
            limits: CurlMulti.Limits(largeBodiesPerDestination: 4, largeBodies: 5))
        let first = start(6, servers[0].url, on: multi)
        try await eventually("the first destination's share") { first.withLock { $0.count } == 4 }
        let others = servers.dropFirst().map { start(2, $0.url, on: multi) }
        try await eventually("one answer of each destination") {
            others.allSatisfy { $0.withLock { $0.count } >= 1 }
        }
        try await eventually("all requests") {
            servers.map(\.requests.count) == [6, 2, 2, 2]
        }
        // For each answer that ends, one more passes once there are fewer than the limit, its own
        // destination's first.
        expectEqual(others.map { $0.withLock { $0.count } }, [1, 1, 1])
        first.withLock { $0 = [] }
        try await eventually("another large answer") { first.withLock { $0.count } >= 1 }
        // Which destination's second answer is here by now is chance, decided by the order of the
        // requests.
        for reports in others { reports.withLock { _ = $0.removeFirst() } }
        try await eventually("the other destinations' second answers") {
            others.allSatisfy { $0.withLock { $0.count } == 1 }
        }
        first.withLock { $0 = [] }
        for reports in others { reports.withLock { $0 = [] } }
        await multi.close()
        for server in servers { await server.finish() }
    }

    @Test func answerWhoseTurnDoesNotComeEndsByItsDeadline() async throws {
        let server = largeServer()
        let multi = try CurlMulti(limits: CurlMulti.Limits(largeBodiesPerDestination: 1))
        let first = start(1, server.url, on: multi)
        try await eventually("the first answer") { first.withLock { $0.count } == 1 }
        let second = await multi.run(.test(server.url, timeout: .milliseconds(500)))
        expectEqual(second.failure?.kind, .timedOut)
        first.withLock { $0 = [] }
        await expectEqual(multi.run(.test(server.url)).reply?.body.count, 1 << 20)
        await multi.close()
        await server.finish()
    }

    @Test func smallAnswersDoNotWaitForLargeOnes() async throws {
        let server = LoopbackServer { peer in
            while let request = peer.request() {
                let bytes = request.contains("large") ? 1 << 20 : 100
                peer.answer("200 OK", String(repeating: "x", count: bytes))
            }
        }
        let multi = try CurlMulti(limits: CurlMulti.Limits(largeBodiesPerDestination: 1))
        let large = start(2, server.url + "/large", on: multi)
        try await eventually("the first large answer") { large.withLock { $0.count } == 1 }
        await expectEqual(multi.run(.test(server.url)).reply?.body.count, 100)
        large.withLock { $0 = [] }
        try await eventually("the second answer") { large.withLock { $0.count } == 1 }
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
        expectEqual(report.failure?.kind, .connectionLost)
        #expect(report.sentAt != nil)
        let late = await multi.run(.test(server.url))
        expectEqual(late.failure?.kind, .outOfResources)
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
        expectEqual(report.failure?.kind, .connectionLost)
        await server.finish()
    }

    @Test func driverGoesAfterItsEnd() async throws {
        weak var driver: CurlDriver?
        do {
            let made = try CurlDriver.make(limits: CurlMulti.Limits())
            driver = made
            made.queue.async { made.shutDown() }
        }
        // Its last holder is the read source's cancel handler, which Dispatch runs later.
        while driver != nil { await Task.yield() }
    }
}
