// The main job through the real programs: one request, a call of the right upstream, one schema.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct MainJobTests {
    @Test func theOrderActionOfTheReadmeIsAnswered() async throws {
        let world = try await World()
        let reply = try world.get("/actions/\(DemoID.order)")
        expectEqual(reply.status, 200)
        expectEqual(reply.json["id"]?.string, DemoID.order)
        expectEqual(reply.json["source"]?.string, "orders")
        expectEqual(reply.json["status"]?.string, "PENDING")
        expectEqual(reply["etag"]?.hasPrefix("W/\""), true)
        expectEqual(reply["retry-after"], "3")  // 2 s and the slack for clock slew, rounded up
        expectEqual(reply["cache-status"]?.hasPrefix("status-proxy; fwd=miss"), true)
    }

    @Test func theVoucherActionOfTheReadmeRunsThroughItsStates() async throws {
        let world = try await World(["WAIT_MAX": "50s"], sandbox: ["--pending", "3s"])
        let first = try world.get("/actions/\(DemoID.voucher)")
        expectEqual(first.json["status"]?.string, "PENDING")
        let last = try world.get("/actions/\(DemoID.voucher)?wait=50")
        expectEqual(last.json["status"]?.string, "PARTIALLY_SUCCEEDED")
        expectEqual(last.json["counts"]?["failed"]?.integer, 1)
        expectEqual(last["cache-control"]?.contains("immutable"), true)
        #expect(last["retry-after"] == nil)
        let gap = try #require(try world.audit().vouchers.smallestGap)
        #expect(gap >= 2)
    }

    @Test func aUUIDIsOneActionInAnyLetterCase() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "300s"])
        let (lower, upper) = (DemoID.order, DemoID.order.uppercased())
        let first = try world.get("/actions/\(lower)")
        expectEqual(first.status, 200)
        for path in ["/actions/\(upper)", "/actions/\(upper)?source=orders", "/actions/\(lower)"] {
            let reply = try world.get(path)
            #expect(reply.status == 200 && reply["etag"] == first["etag"], "\(path)")
            expectEqual(reply["cache-status"]?.hasPrefix("status-proxy; hit"), true, "\(path)")
        }
        let batch = try world.get("/actions?id=\(upper)&id=\(lower)").json
        expectEqual(batch["actions"]?.array?.count, 2)
        try expectEqual(world.get("/actions/\(upper)/explain").json["asked_before"], .bool(true))
        // The store knows all spellings, too.
        try await world.killProxy()
        try await world.restartProxy()
        try expectEqual(world.get("/actions/\(upper)").status, 200)
        try expectEqual(world.audit().orders.callsByID, [lower: 1])
    }

    @Test func aSecondRequestIsAHitAndCostsNoCall() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "300s"])
        let first = try world.get("/actions/\(DemoID.pendingOrder)")
        let second = try world.get("/actions/\(DemoID.pendingOrder)")
        #expect(first.status == 200 && second.status == 200)
        expectEqual(second["cache-status"]?.hasPrefix("status-proxy; hit; ttl="), true)
        expectEqual(first["etag"], second["etag"])
        try expectEqual(world.audit().orders.callsByID[DemoID.pendingOrder], 1)
    }

    @Test func aCallersNoCacheDoesNotOpenTheGate() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "300s"])
        for _ in 0..<20 {
            let fields = ["Cache-Control: no-cache, no-store, max-age=0", "Pragma: no-cache"]
            _ = try world.get("/actions/\(DemoID.pendingOrder)", fields: fields)
        }
        try expectEqual(world.audit().orders.calls, 1)
    }

    @Test func aWaitThatRunsOutAnswersLikeARequestWithoutOne() async throws {
        let world = try await World()
        let first = try world.get("/actions/\(DemoID.pendingVoucher)")
        let tag = try #require(first["etag"])
        let byQuery = try world.get("/actions/\(DemoID.pendingVoucher)?wait=1")
        expectEqual(byQuery.status, 200)
        let byPrefer = try world.get(
            "/actions/\(DemoID.pendingVoucher)",
            fields: ["Prefer: wait=1", "If-None-Match: \(tag)"])
        expectEqual(byPrefer.status, 304)
        expectEqual(byPrefer["preference-applied"], "wait=1")
        #expect(byQuery["preference-applied"] == nil)
    }

    @Test func waitingForAChangeEndsWithTheChange() async throws {
        let world = try await World(sandbox: ["--pending", "6s"])
        let first = try world.get("/actions/\(DemoID.voucher)")
        let tag = try #require(first["etag"])
        let second = try world.get(
            "/actions/\(DemoID.voucher)?wait=50&until=change", fields: ["If-None-Match: \(tag)"])
        expectEqual(second.status, 200)
        #expect(second["etag"] != tag)
        // On a slow machine the call that brings the change may come after the next one.
        let later = ["IN_PROGRESS", "PARTIALLY_SUCCEEDED"]
        #expect(later.contains(second.json["status"]?.string ?? ""), "\(second.text)")
    }

    @Test func aBatchAnswersEachIDForItself() async throws {
        let world = try await World()
        let reply = try world.get(
            "/actions?id=\(DemoID.order)&id=%2e%2e&id=\(DemoID.missingOrder)&id=\(DemoID.order)")
        expectEqual(reply.status, 200)
        let actions = reply.json["actions"]?.array ?? []
        expectEqual(actions.map { $0["id"]?.string }, [DemoID.order, DemoID.order])
        let failures = reply.json["failures"]?.array ?? []
        expectEqual(failures.map { $0["id"]?.string }, ["..", DemoID.missingOrder])
        let codes = failures.map { $0["problem"]?["code"]?.string }
        expectEqual(codes, ["invalid-id", "action-not-found"])
    }

    @Test func aBadIDIsRefusedWithoutACall() async throws {
        let world = try await World()
        let ids = [
            "..", "%2e%2e%2fadmin", "-a", "a%20b", "a%00", String(repeating: "a", count: 129),
        ]
        for id in ids {
            let reply = try world.get("/actions/\(id)")
            expectEqual(reply.status, 400, "\(id)")
            expectEqual(reply.json["code"]?.string, "invalid-id", "\(id)")
        }
        for query in ["wait=x", "wait=-1", "until=now", "source=elsewhere", "wait=1&wait=2"] {
            let reply = try world.get("/actions/\(DemoID.order)?\(query)")
            expectEqual(reply.status, 400, "\(query)")
            expectEqual(reply.json["code"]?.string, "invalid-parameter", "\(query)")
        }
        let audit = try world.audit()
        #expect(audit.orders.calls == 0 && audit.vouchers.calls == 0)
    }

    @Test func oneTokenServesManyCallers() async throws {
        let world = try await World()
        for number in 0..<20 {
            let id = "00000000-0000-4000-9000-00000000a0" + String(number + 16, radix: 16)
            try expectEqual(world.get("/actions/\(id)").status, 200)
        }
        try expectEqual(world.audit().orders.tokenFetches, 1)
    }
}
