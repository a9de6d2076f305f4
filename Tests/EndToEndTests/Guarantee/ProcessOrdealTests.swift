// Faults of the service's process: killed, restarted, stopped and woken. The upstream gets no call too
// early, by the sandbox's audit and by the service's own.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ProcessOrdealTests {
    static let path = "/actions/\(DemoID.pendingOrder)?source=orders"

    /// Row H of the contract's table.
    @Test func aRestartWithinTheIntervalCostsNoCall() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        try expectEqual(world.get(Self.path).status, 200)
        for _ in 0..<3 {
            try await world.killProxy()
            try await world.restartProxy()
            let crowd = await Pollers.poll(
                port: world.port, Self.path, callers: 20, every: .milliseconds(100),
                for: .milliseconds(500))
            #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [200])
        }
        try expectEqual(world.audit().orders.calls, 1)
        try await expectEqual(world.audited().code, 0)
    }

    @Test func killsAtRandomMomentsForgetNeitherGateNorAnswer() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.path).status, 200)
        // Calls that take a while, so that many kills interrupt one.
        try world.setFault("orders", #"{"kind":"delay","milliseconds":400}"#)
        for _ in 0..<12 {
            let port = world.port
            let pollers = Task.detached {
                await Pollers.poll(
                    port: port, Self.path, callers: 5, every: .milliseconds(20),
                    for: .milliseconds(700))
            }
            letPass(.milliseconds(Int64.random(in: 0...700)))
            try await world.killProxy()
            _ = await pollers.value
            try await world.restartProxy()
            try expectEqual(world.get(Self.path).status, 200, "the answer is kept")
        }
        try await expectKept(world)
    }

    @Test func aProcessStoppedDuringACallMakesNoEarlyCall() async throws {
        let world = try await World()
        try world.setFault("orders", #"{"kind":"delay","milliseconds":1000}"#)
        let port = world.port
        let caller = Task.detached { try? Client.get(port: port, Self.path).status }
        try await eventually("a call") { try world.audit().orders.calls == 1 }
        world.proxy.signal(SIGSTOP)
        letPass(.seconds(5))
        world.proxy.signal(SIGCONT)
        let status = try #require(await caller.value)
        #expect([200, 504].contains(status))
        let crowd = await Pollers.poll(
            port: port, Self.path, callers: 10, every: .milliseconds(50), for: .seconds(3))
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys).isSubset(of: [200, 503, 504]))
        try await expectKept(world)
    }

    @Test func stopsAtRandomMomentsMakeNoCallTooEarly() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.path).status, 200)
        try world.setFault("orders", #"{"kind":"alternate-delay","milliseconds":500}"#)
        let traffic = Traffic(
            port: world.port, Self.path, callers: 5, every: .milliseconds(20))
        for _ in 0..<3 {
            letPass(.milliseconds(Int64.random(in: 1500...2500)))
            world.proxy.signal(SIGSTOP)
            // Longer than the interval, and than the span within which a slot must be used.
            letPass(.milliseconds(2500))
            world.proxy.signal(SIGCONT)
        }
        let crowd = await traffic.stop()
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [200])
        try await expectKept(world)
    }

    @Test func thousandsOfFirstRequestsAtOnceShareOneCall() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        try world.setFault("orders", #"{"kind":"delay","milliseconds":1500}"#)
        try ProcessFigures.allowManyDescriptors(4_500)
        let sockets = try (0..<2_000).map { _ in try RawSocket(port: world.port) }
        for socket in sockets {
            try socket.send("GET \(Self.path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        for socket in sockets { try expectEqual(socket.reply().status, 200) }
        try expectEqual(world.audit().orders.calls, 1)
    }

    /// Its answers are refreshed again, and no call was too early.
    private func expectKept(_ world: World) async throws {
        try world.setFault("orders", #"{"kind":"none"}"#)
        try await eventually("recovery") {
            try world.get(Self.path).text.contains("\"stale\":false")
        }
        let audit = try world.audit().orders
        if audit.calls > 1 { #expect(try #require(audit.smallestGap) >= CallRow.interval) }
        try await expectEqual(world.audited().code, 0)
    }
}
