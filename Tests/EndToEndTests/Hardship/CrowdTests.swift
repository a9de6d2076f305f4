// Hundreds and thousands of peers, slow, idle or gone at once: the others are served, and memory stays
// within named limits.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CrowdTests {
    private static let ask = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private static let senders = 100
    private static let readers = 100
    private static let greedyReaders = 20
    /// What a greedy reader requests beyond what the kernel accepts.
    private static let greedBytes = 3 << 20
    /// By how much any process may grow while it works: arenas, log buffers, thread stacks.
    private static let slackBytes = 6 << 20
    /// An incomplete head is buffered: at most 16 KiB of it, and the array around it.
    private static let unfinishedHeadBytesMax = 24 << 10
    /// 64 KiB of unsent answers, the answer that crossed that limit, and the requests behind it.
    private static let slowReaderBytesMax = 192 << 10
    private static let idleConnectionBytesMax = 1 << 10

    private func open(_ count: Int, on world: World, receiveBytes: Int32 = 0) throws -> [RawSocket]
    {
        try ProcessFigures.allowManyDescriptors(2 * count + 256)
        return try (0..<count).map { _ in
            try RawSocket(port: world.port, receiveBytes: receiveBytes)
        }
    }

    /// What another client sees meanwhile.
    private func expectService(of world: World) throws {
        try expectEqual(world.get("/livez").status, 200)
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
    }

    private func figure(_ name: String, of world: World) throws -> Int {
        let lines = try world.get("/metrics").text.split(separator: "\n")
        let line = lines.first { $0.hasPrefix("status_proxy_\(name) ") }
        return line?.split(separator: " ").last.flatMap { Int($0) } ?? 0
    }

    // MARK: Slow senders

    @Test(arguments: [
        ask,
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 12\r\n\r\nhello, world",
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "5;x=y\r\nhello\r\n0\r\nA: b\r\n\r\n",
    ])
    func hundredsThatSendAByteAtATimeAreServedAndSoAreOthers(request: String) async throws {
        let world = try await World(["HTTP_HEADER_TIMEOUT": "60s"])
        try expectService(of: world)
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        let crowd = try open(Self.senders, on: world)
        for (index, byte) in request.utf8.enumerated() {
            for socket in crowd { try socket.send([byte]) }
            if index % 16 == 0 { try expectService(of: world) }
        }
        for socket in crowd { try expectEqual(socket.reply().status, 200) }
        let growth = try ProcessFigures.residentBytes(of: world.proxy) - before
        let bytesMax = Self.senders * 4 << 10 + Self.slackBytes
        #expect(growth < ProcessFigures.growthMax(bytesMax))
    }

    @Test func hundredsThatStopInsideAHeadAreTimedOutAndOthersServed() async throws {
        let world = try await World(["HTTP_HEADER_TIMEOUT": "3s"])
        try expectService(of: world)
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        let crowd = try open(Self.senders, on: world)
        let field = "X: " + String(repeating: "x", count: 15_000)
        let head = "GET /livez HTTP/1.1\r\nHost: localhost\r\n" + field
        for socket in crowd { try socket.send(head) }
        try expectService(of: world)
        let growth = try ProcessFigures.residentBytes(of: world.proxy) - before
        let bytesMax = Self.senders * Self.unfinishedHeadBytesMax + Self.slackBytes
        #expect(growth < ProcessFigures.growthMax(bytesMax))
        for socket in crowd {
            try expectEqual(socket.reply().status, 408)
            #expect(try socket.isEnded())
        }
        try expectService(of: world)
    }

    // MARK: Slow readers

    @Test func hundredsThatDoNotReadHoldLittleAndOthersAreServed() async throws {
        let world = try await World()
        try expectService(of: world)
        let large = try world.get("/openapi.yaml").body
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        let crowd = try open(Self.readers, on: world, receiveBytes: 4096)
        let request = "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for socket in crowd { try socket.send(String(repeating: request, count: 4)) }
        // Some request more than the kernel accepts for them; only then must the service buffer.
        let greedy = crowd.prefix(Self.greedyReaders)
        let asked = try (ProcessFigures.socketSendBytesMax() + Self.greedBytes) / large.count
        for socket in greedy { try socket.send(String(repeating: request, count: asked)) }
        for socket in crowd { try await eventually("an answer") { socket.isReadable } }
        for _ in 0..<5 { try expectService(of: world) }
        let growth = try ProcessFigures.residentBytes(of: world.proxy) - before
        let bytesMax = Self.greedyReaders * Self.slowReaderBytesMax + Self.slackBytes
        try #require(bytesMax < Self.greedyReaders * Self.greedBytes / 4)
        #expect(growth < ProcessFigures.growthMax(bytesMax))
        // Within the 30 s after which a reader that takes nothing is dropped.
        for _ in 0..<4 + asked { try expectEqual(crowd[0].reply().body, large) }
        try expectService(of: world)
        for socket in crowd { socket.reset() }
        try await eventually("all connections to close") {
            try figure("connections", of: world) <= 1
        }
    }

    // MARK: Many

    /// A slow upstream, and batches of hundreds of unknown ids: their calls leave room for the call of
    /// a single one.
    @Test func requestsForManyUnknownActionsDoNotDelayARequestForOne() async throws {
        let world = try await World(["ORDERS_TIMEOUT": "30s"])
        try world.setFault("orders", #"{"kind":"delay","milliseconds":25000}"#)
        let family = "00000000-0000-4000-9000-"
        func id(_ number: Int) -> String { "\(family)\(100_000_000_000 + number)" }
        let batches = try open(4, on: world)
        for (index, socket) in batches.enumerated() {
            let ids = (0..<100).map { "id=\(id(index * 100 + $0))" }.joined(separator: "&")
            try socket.send("GET /actions?\(ids) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        func calls() throws -> [String: Int] { try world.audit().orders.callsByID }
        try await eventually("400 waiters") { try figure("waiters", of: world) == 400 }
        let single = try RawSocket(port: world.port)
        try single.send("GET /actions/\(DemoID.order) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try await eventually("the single call") { try calls()[DemoID.order] == 1 }
        // All calls that may be in flight, and as many again if the machine took longer than the
        // upstream.
        #expect(try calls().count <= 2 * 16 + 1)
        withExtendedLifetime((batches, single)) {}
    }

    @Test func aThousandIdleConnectionsCostLessThanAKibibyteEach() async throws {
        let world = try await World()
        let warmUp = try open(200, on: world)
        for socket in warmUp {
            try socket.send(Self.ask)
            try expectEqual(socket.reply().status, 200)
        }
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        let count = 1_000
        let crowd = try open(count, on: world)
        for socket in crowd {
            try socket.send(Self.ask)
            try expectEqual(socket.reply().status, 200)
        }
        #expect(try figure("connections", of: world) >= count)
        let growth = try ProcessFigures.residentBytes(of: world.proxy) - before
        print("idle connections: \(growth / count) bytes each")
        let bytesMax = count * Self.idleConnectionBytesMax + Self.slackBytes / 4
        #expect(growth < ProcessFigures.growthMax(bytesMax))
        try expectService(of: world)
        withExtendedLifetime((warmUp, crowd)) {}
    }

    @Test func floodOfConnectionsLeavesNothingBehind() async throws {
        let world = try await World()
        try expectService(of: world)
        let traffic = Traffic(
            port: world.port, "/actions/\(DemoID.pendingVoucher)", callers: 2,
            every: .milliseconds(5))
        let unfinished = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"
        let parts = ["", "GET", Self.ask, unfinished]
        func flood(_ count: Int) throws {
            for index in 0..<count {
                let socket = try RawSocket(port: world.port)
                try socket.send(parts[index % parts.count])
                index % 3 == 0 ? socket.reset() : socket.close()
            }
        }
        try flood(500)
        let before = try ProcessFigures.residentBytes(of: world.proxy)
        try flood(3_500)
        // The two callers, and the request for the figure.
        try await eventually("the end of the flood") {
            try figure("connections", of: world) <= 3
        }
        let growth = try ProcessFigures.residentBytes(of: world.proxy) - before
        #expect(growth < ProcessFigures.growthMax(Self.slackBytes))
        let crowd = await traffic.stop()
        expectEqual(crowd.failures, 0)
        expectEqual(Set(crowd.statuses.keys), [200], "\(crowd.statuses)")
    }
}
