// Crowds of pollers with a healthy and a failing upstream, judged by the sandbox's audit of what
// arrived and by the service's own audit of what it sent.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CallTableTests {
    /// How many rows run at once: they wait more than they work.
    private static let rowsAtOnce = 9

    @Test func everyRowKeepsTheIntervalAndItsCallersAnswered() async throws {
        var rows = (CallRow.contract + CallRow.further)[...]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for row in rows.prefix(Self.rowsAtOnce) { group.addTask { try await Self.play(row) } }
            rows = rows.dropFirst(Self.rowsAtOnce)
            while try await group.next() != nil {
                guard let row = rows.popFirst() else { continue }
                group.addTask { try await Self.play(row) }
            }
        }
    }

    /// The time counts from the 429's arrival, which is later than the last audit without it.
    @Test func aWholeUpstreamIsPausedForTheTimeOfA429() async throws {
        let world = try await World()
        let wait = 10
        let ids = [DemoID.pendingOrder, DemoID.order]
        try expectEqual(world.get("/actions/\(ids[0])?source=orders").status, 200)
        try world.setFault(
            "orders", #"{"kind":"status","status":429,"retry_after":\#(wait)}"#)
        var before = ContinuousClock.now
        try await eventually("the 429") {
            let now = ContinuousClock.now
            if try world.audit().orders.calls == 2 { return true }
            before = now
            _ = try world.get("/actions/\(ids[0])?source=orders")
            return false
        }
        try world.setFault("orders", #"{"kind":"none"}"#)
        while true {
            let replies = try ids.map { try world.get("/actions/\($0)?source=orders") }
            let audit = try world.audit()
            guard ContinuousClock.now - before < .seconds(wait) else { break }
            expectEqual(replies[0].status, 200)
            expectEqual(replies[1].status, 503)
            expectEqual(replies[1].json["sources"]?.array?.first?["outcome"]?.string, "paused")
            expectEqual(audit.orders.calls, 2)
            letPass(.milliseconds(50))
        }
        // The other upstream never requested a pause.
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
        for id in ids {
            try await eventually("a call for \(id)") {
                _ = try world.get("/actions/\(id)?source=orders")
                return try world.audit().orders.callsByID[id] ?? 0 >= (id == ids[0] ? 3 : 1)
            }
        }
    }

    private static func play(_ row: CallRow) async throws {
        let world = try await World(row.settings)
        let path = "/actions/\(DemoID.pendingOrder)?source=orders"
        let start = ContinuousClock.now
        if row.isWarm { try expectEqual(world.get(path).status, 200, "\(row.name)") }
        if let fault = row.fault { try world.setFault("orders", fault) }
        let crowd = await Pollers.poll(
            port: world.port, path, callers: CallRow.callers, every: CallRow.every,
            for: CallRow.span)
        let calls = try judge(world, row, since: start)
        print("\(row.name): \(calls) calls, callers got \(crowd.statuses)")
        expectEqual(crowd.failures, 0, "\(row.name)")
        #expect(Set(crowd.statuses.keys).isSubset(of: row.statuses), "\(row.name): \(crowd)")
        if let heldLess = row.heldLess { #expect(crowd.slowest < heldLess, "\(row.name)") }
        let ready = try world.get("/readyz")
        expectEqual(ready.status, 200, "\(row.name)")

        try world.setFault("orders", #"{"kind":"none"}"#)
        try await eventually("recovery after \(row.name)") {
            let reply = try world.get(path)
            return reply.status == 200 && reply.text.contains("\"stale\":false")
        }
        _ = try judge(world, row, since: start, isAfter: true)
        try await expectEqual(world.audited().code, 0, "\(row.name)")
    }

    /// The span is measured, since a busy machine ends it late.
    private static func judge(
        _ world: World, _ row: CallRow, since start: ContinuousClock.Instant, isAfter: Bool = false
    ) throws -> Int {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let audit = try world.audit().orders
        let calls = audit.callsByID[DemoID.pendingOrder] ?? 0
        let allowed = CallRow.allowed(seconds)
        #expect(calls <= allowed, "\(row.name)")
        if !isAfter, let most = row.callsMax { #expect(calls <= most, "\(row.name)") }
        guard calls > 1 else { return calls }
        #expect(try #require(audit.smallestGap) >= CallRow.interval, "\(row.name)")
        return calls
    }
}
