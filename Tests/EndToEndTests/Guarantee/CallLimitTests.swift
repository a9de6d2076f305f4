// Crowds of pollers against a healthy and a sick upstream: judged by the sandbox's own audit.

import Foundation
import StatusCore
import TestSupport
import Testing

/// How large the crowds are. `scripts/ordeal` makes them larger; the checks stay the same.
enum Load {
    static let callers = number("CALL_LIMIT_CALLERS") ?? 50
    static let seconds = number("CALL_LIMIT_SECONDS") ?? 6

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }
}

@Suite(.blocking, .serialized) struct CallLimitTests {
    static let interval = 2.0

    /// Calls that an interval allows in a span, and one more for its beginning.
    static func allowed(_ seconds: Double) -> Int { Int(seconds / interval) + 1 }

    private func poll(_ world: World, _ id: String) async -> Crowd {
        await Pollers.poll(
            port: world.port, "/actions/\(id)", callers: Load.callers, every: .milliseconds(100),
            for: .seconds(Load.seconds))
    }

    /// The crowd's span is measured, since a busy machine ends it late.
    private func judge(
        _ world: World, _ id: String, since start: ContinuousClock.Instant
    ) throws -> Int {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let audit = try world.audit().orders
        let calls = audit.callsByID[id] ?? 0
        #expect(calls <= Self.allowed(seconds))
        if calls > 1 { #expect(try #require(audit.smallestGap) >= Self.interval) }
        return calls
    }

    @Test func aCrowdOnOnePendingActionCostsWhatTheIntervalAllows() async throws {
        let world = try await World()
        let start = ContinuousClock.now
        let crowd = await poll(world, DemoID.pendingOrder)
        _ = try judge(world, DemoID.pendingOrder, since: start)
        #expect(crowd.failures == 0)
        #expect(crowd.statuses.keys.sorted() == [200])
        // And it does get refreshed, however slow the machine is.
        try await eventually("a second call") {
            _ = try world.get("/actions/\(DemoID.pendingOrder)")
            return try world.audit().orders.calls >= 2
        }
        #expect(try judge(world, DemoID.pendingOrder, since: start) >= 2)
    }

    @Test func aKillInMidCallLeavesTheGateShut() async throws {
        // The call must not have timed out before a busy machine gets to the kill.
        let world = try await World([
            "ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s", "ORDERS_TIMEOUT": "20s",
        ])
        try world.setFault("orders", #"{"kind":"hang"}"#)
        let port = world.port
        let caller = Task.detached {
            try? Client.get(port: port, "/actions/\(DemoID.pendingOrder)").status
        }
        try await eventually("a call") { try world.audit().orders.calls == 1 }
        try await world.killProxy()
        _ = await caller.value
        try world.setFault("orders", #"{"kind":"none"}"#)
        try await world.restartProxy()
        let reply = try world.get("/actions/\(DemoID.pendingOrder)")
        #expect(reply.status == 503)
        #expect(reply.json["sources"]?.array?.first?["outcome"]?.string == "gate-shut")
        let retryAfter = try #require(reply["retry-after"].flatMap { Int($0) })
        #expect((30...90).contains(retryAfter))
        #expect(try world.audit().orders.calls == 1)
    }

    @Test func aFloodOfUnknownIDsLeavesHalfOfTheBudgetToKnownOnes() async throws {
        let world = try await World(["ORDERS_CALLS_PER_MINUTE": "10"])
        #expect(try world.get("/actions/\(DemoID.pendingOrder)").status == 200)
        for number in 0..<30 {
            let id = "00000000-0000-4000-b000-0000000000" + String(number + 16, radix: 16)
            _ = try world.get("/actions/\(id)?source=orders")
        }
        let flood = try world.audit().orders
        #expect(flood.calls == 5)
        try await eventually("a second call for the known one") {
            #expect(try world.get("/actions/\(DemoID.pendingOrder)").status == 200)
            return try world.audit().orders.callsByID[DemoID.pendingOrder] == 2
        }
    }
}
