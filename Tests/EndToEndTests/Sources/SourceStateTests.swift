// `GET /sources` and the `sources` command: each source's state, in the words of health and
// explanation.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct SourceStateTests {
    private func source(_ world: World, _ name: String = "orders") throws -> JSONValue {
        let reply = try world.get("/sources")
        expectEqual(reply.status, 200)
        let found = reply.json["sources"]?.array?.first { $0["name"]?.string == name }
        return try #require(found)
    }

    private func command(_ world: World, _ arguments: [String] = []) async throws -> Program {
        try Program(
            "status-proxy", ["sources", "--url", "http://127.0.0.1:\(world.port)"] + arguments)
    }

    @Test func figuresMatchTheCalls() async throws {
        let world = try await World()
        let fresh = try source(world)
        #expect(fresh["kind"]?.string == "mirakl-orders" && fresh["state"]?.string == "ok")
        expectEqual(fresh["budget"]?["minute"]?["left"]?.integer, 600)
        #expect(fresh["budget"]?["day"]?["limit"] == nil)
        #expect(fresh["last_answer_at"] == nil && fresh["smallest_gap_seconds"] == nil)
        let finished = "00000000-0000-4000-8000-000000000200"
        for id in [DemoID.pendingOrder, finished, finished, finished] {
            try expectEqual(world.get("/actions/\(id)").status, 200)
        }
        let batch = try world.get(
            "/actions?id=\(finished)&id=\(finished)&id=\(DemoID.pendingOrder)")
        expectEqual(batch.status, 200)
        let used = try source(world)
        expectEqual(used["calls"]?["made"]?.integer, 2)
        expectEqual(used["calls"]?["saved"]?.integer, 5)
        expectEqual(used["actions"]?["pending"]?.integer, 1)
        expectEqual(used["actions"]?["finished"]?.integer, 1)
        expectEqual(used["budget"]?["minute"]?["left"]?.integer, 598)
        expectEqual(used["min_interval_seconds"]?.integer, 2)
        #expect(used["last_answer_at"]?.string != nil)
        expectEqual(
            used["last_calls"]?.array?.map { $0["outcome"]?.string }, ["answered", "answered"])
        let vouchers = try source(world, "vouchers")
        expectEqual(vouchers["calls"]?["made"]?.integer, 0)
    }

    @Test(arguments: [
        (#"{"kind":"status","status":429,"retry_after":30}"#, "paused", "asked for a pause"),
        (#"{"kind":"status","status":500}"#, "breaker-open", "server errors"),
        (#"{"kind":"status","status":401}"#, "our-side", "refuses our"),
    ])
    func failureIsAStateWithReasonAndEnd(fault: String, state: String, words: String)
        async throws
    {
        let world = try await World()
        try world.setFault("orders", fault)
        for number in 10..<16 {
            _ = try world.get("/actions/00000000-0000-4000-9000-0000000000\(number)?source=orders")
        }
        let found = try source(world)
        expectEqual(found["state"]?.string, state)
        let reason = try #require(found["reason"]?.string)
        #expect(reason.contains(words), "\(reason)")
        if state != "our-side" { #expect(found["until"]?.string != nil) }
        // The same words as elsewhere.
        #expect(try world.get("/readyz").text.contains(words))
        try expectEqual(source(world, "vouchers")["state"]?.string, "ok")
        let program = try await command(world)
        try await expectEqual(program.exitCode(), 1)
        #expect(program.text.contains(words) && program.text.contains(state))
    }

    @Test func spentBudgetIsAState() async throws {
        let world = try await World(["ORDERS_CALLS_PER_MINUTE": "2"])
        for number in 1...4 {
            _ = try world.get("/actions/00000000-0000-4000-9000-00000000000\(number)?source=orders")
        }
        // Unknown ids may use only half of it: the source itself has calls left.
        try expectEqual(source(world)["state"]?.string, "ok")
        try expectEqual(source(world)["budget"]?["minute"]?["left"]?.integer, 1)
    }

    @Test func tableIsReadableAndGuardedLikeMetrics() async throws {
        let folder = try TemporaryFolder()
        // The SHA-256 of "abc" (FIPS 180-2, B.1).
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let world = try await World([
            "CALLER_KEYS_FILE": try folder.write("app \(digest)\n", to: "keys")
        ])
        try expectEqual(world.get("/sources").status, 401)
        try expectEqual(world.get("/sources", fields: ["Authorization: Bearer abc"]).status, 200)
        let program = try Program(
            "status-proxy", ["sources", "--url", "http://127.0.0.1:\(world.port)"],
            environment: ["STATUS_PROXY_KEY": "abc"])
        try await expectEqual(program.exitCode(), 0)
        let lines = program.text.split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("source"))
        #expect(lines[1].hasPrefix("orders ") && lines[1].contains("mirakl-orders"))
        #expect(lines[2].contains("voucherify"))
    }
}
