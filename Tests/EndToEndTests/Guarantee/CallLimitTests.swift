// What an interrupted call and a flood of unknown ids cost, by the sandbox's own audit.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized) struct CallLimitTests {
    @Test func aKillDuringACallLeavesTheGateShut() async throws {
        // The call must not time out before a busy machine gets to the kill.
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
        expectEqual(reply.status, 503)
        expectEqual(reply.json["sources"]?.array?.first?["outcome"]?.string, "gate-shut")
        let retryAfter = try #require(reply["retry-after"].flatMap { Int($0) })
        #expect((30...90).contains(retryAfter))
        try expectEqual(world.audit().orders.calls, 1)
    }

    @Test func aFloodOfUnknownIDsLeavesHalfOfTheBudgetToKnownOnes() async throws {
        let world = try await World(["ORDERS_CALLS_PER_MINUTE": "10"])
        try expectEqual(world.get("/actions/\(DemoID.pendingOrder)").status, 200)
        for number in 0..<30 {
            let id = "00000000-0000-4000-b000-0000000000" + String(number + 16, radix: 16)
            _ = try world.get("/actions/\(id)?source=orders")
        }
        let flood = try world.audit().orders
        expectEqual(flood.calls, 5)
        try await eventually("a second call for the known one") {
            try expectEqual(world.get("/actions/\(DemoID.pendingOrder)").status, 200)
            return try world.audit().orders.callsByID[DemoID.pendingOrder] == 2
        }
    }
}
