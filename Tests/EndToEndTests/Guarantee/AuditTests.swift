// `status-proxy audit` by the real program: beside a running service, after it, and on a journal with a
// violated limit.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct AuditTests {
    @Test func theAuditReadsBesideARunningServiceAndAfterIt() async throws {
        let world = try await World()
        let start = ContinuousClock.now
        _ = try await callTwice(world)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let beside = try await world.audited()
        expectEqual(beside.code, 0)
        let orders = beside.source("orders")
        #expect(orders?["calls"]?.integer == 2 && orders?["holds"]?.bool == true)
        expectEqual(orders?["smallest_gap"]?["known"]?.bool, true)
        let gap = try #require(orders?["smallest_gap"]?["seconds"]?.double)
        // Each end of the gap is as exact as the store's reply was fast.
        #expect(gap >= 2 && gap <= seconds)
        #expect(try #require(try world.audit().orders.smallestGap) >= 2)
        expectEqual(orders?["busiest_minute"]?["calls"]?.integer, 2)

        try await world.killProxy()
        let after = try await world.audited()
        #expect(after.code == 0 && after.source("orders")?["calls"]?.integer == 2)
        let text = try await world.audited(isJSON: false).text
        #expect(text.contains("orders: 2 calls for 1 actions"))
        #expect(text.contains("every limit was kept"))
    }

    @Test func changedSettingsMakeNoOldCallAViolation() async throws {
        let world = try await World()
        _ = try await callTwice(world)
        world.change([
            "ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s",
            "ORDERS_CALLS_PER_MINUTE": "1",
        ])
        let audit = try await world.audited()
        let orders = audit.source("orders")
        #expect(audit.code == 0 && orders?["judged"]?.bool == true)
        expectEqual(orders?["smallest_gap"]?["least_seconds"]?.double, 2)
        expectEqual(orders?["busiest_minute"]?["limit"]?.integer, 600)
        #expect(try await world.audited(isJSON: false).text.contains(" s were required)"))
    }

    @Test func journalWithAViolationGivesExitCodeOne() async throws {
        let world = try await World()
        _ = try await callTwice(world)
        world.change(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        let spacing = try await world.audited(againstCurrent: true)
        expectEqual(spacing.code, 1)
        expectEqual(
            spacing.source("orders")?["violations"]?.array?.first?["kind"]?.string, "spacing")
        world.change([
            "ORDERS_MIN_INTERVAL": "2s", "ORDERS_MAX_INTERVAL": "2s",
            "ORDERS_CALLS_PER_MINUTE": "1",
        ])
        let budget = try await world.audited(againstCurrent: true)
        expectEqual(budget.code, 1)
        expectEqual(budget.source("orders")?["violations"]?.array?.first?["kind"]?.string, "minute")
        let text = try await world.audited(isJSON: false, againstCurrent: true).text
        #expect(text.contains("VIOLATION"))
    }

    @Test func worstCaseIsAssumedForACallOfAKilledService() async throws {
        let world = try await World()
        try world.setFault("orders", #"{"kind":"hang"}"#)
        let port = world.port
        let caller = Task.detached {
            try? Client.get(port: port, "/actions/\(DemoID.pendingOrder)").status
        }
        try await eventually("a call") { try world.audit().orders.calls == 1 }
        try await world.killProxy()
        _ = await caller.value
        let audit = try await world.audited()
        expectEqual(audit.code, 0)
        expectEqual(audit.source("orders")?["calls_without_known_end"]?.integer, 1)
    }

    @Test func unreadableJournalsHaveTheirOwnExitCodes() async throws {
        let world = try await World()
        world.change(["STORE_URL": "sqlite:nowhere.sqlite"])
        try await expectEqual(world.audited().code, 66)
        #expect(!FileManager.default.fileExists(atPath: world.folder.path + "/nowhere.sqlite"))
        world.change(["STORE_URL": "memory:"])
        try await expectEqual(world.audited().code, 66)
        world.change(["STORE_URL": "nonsense"])
        try await expectEqual(world.audited().code, 78)
    }

    @Test func theSmallestGapIsShownAfterARestartBeforeAnyCall() async throws {
        let world = try await World()
        let name = #"status_proxy_upstream_min_gap_seconds{source="orders"}"#
        let gap = try await callTwice(world)
        #expect(try #require(Double(gap)) >= 2)
        let text = try world.get("/metrics").text
        #expect(text.contains(#"upstream_calls_total{source="orders",outcome="answered"} 2"#))
        #expect(!text.contains(DemoID.pendingOrder), "no action id in a label")
        try await world.killProxy()
        try await world.restartProxy()
        try await eventually("the gap") { try metric(world, name) == gap }
        try expectEqual(world.audit().orders.calls, 2)
    }

    /// Makes two calls for one action. Returns the gap that the metrics then show.
    private func callTwice(_ world: World) async throws -> String {
        let name = #"status_proxy_upstream_min_gap_seconds{source="orders"}"#
        try await eventually("a second call and its gap") {
            _ = try world.get("/actions/\(DemoID.pendingOrder)")
            return try metric(world, name) != nil
        }
        return try #require(try metric(world, name))
    }

    private func metric(_ world: World, _ name: String) throws -> String? {
        let lines = try world.get("/metrics").text.split(separator: "\n")
        return lines.first { $0.hasPrefix(name + " ") }.map { String($0.dropFirst(name.count + 1)) }
    }
}

/// The audit's output and exit code.
struct Audited {
    var code: Int32
    var text: String

    func source(_ name: String) -> JSONValue? {
        let json = try? JSONReader.read(Array(text.utf8))
        return json?["sources"]?.array?.first { $0["source"]?.string == name }
    }
}

extension World {
    /// Runs `status-proxy audit` with the proxy's settings, in its folder.
    func audited(isJSON: Bool = true, againstCurrent: Bool = false) async throws -> Audited {
        let program = try Program(
            "status-proxy",
            ["audit"] + (isJSON ? ["--json"] : []) + (againstCurrent ? ["--against-current"] : []),
            environment: settings, directory: folder)
        let code = try await program.exitCode()
        return Audited(code: code, text: program.text)
    }
}

extension JSONValue {
    fileprivate var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    fileprivate var double: Double? {
        if case .number(let text) = self { Double(text) } else { nil }
    }
}
