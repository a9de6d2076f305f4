// The database stops under running replicas: callers are served, the upstreams get no call too many,
// and the replicas recover without a restart.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct DatabaseTroubleTests {
    private static let interval = 2.0
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    /// Waits until a call is made again and all are healthy, and checks the gaps of all calls so far.
    private func expectMoreCalls(than calls: Int, _ fleet: Fleet) async throws {
        try await eventually("another call") {
            for index in fleet.ports.indices { _ = try fleet.get(index, Self.path) }
            return try fleet.audit().vouchers.calls > calls
        }
        if let gap = try fleet.audit().vouchers.smallestGap { #expect(gap >= Self.interval) }
        for index in fleet.ports.indices {
            try await eventually("health of replica \(index)") {
                _ = try fleet.get(index, Self.path)
                return try fleet.isWell(index)
            }
            try expectEqual(fleet.metric(index, "store_up"), 1)
        }
    }

    @Test func aDatabaseThatIsDownStopsOnlyCalls() async throws {
        let cluster = try PostgresCluster()
        let fleet = try await Fleet(2, storeURL: Fleet.newDatabase(on: cluster))
        let bystander = try await Bystander(Self.path)
        try await fleet.awaitAnswers(Self.path)
        try cluster.stop(.immediate)
        // A slot that was granted before must be used within 2 s.
        letPass(.seconds(2))
        let calls = try fleet.audit().vouchers.calls
        await bystander.expectFullSpeed(of: fleet.ports)
        try expectEqual(fleet.audit().vouchers.calls, calls)
        for index in 0..<2 {
            #expect(try fleet.isWarned(index))
            try expectEqual(fleet.metric(index, "store_up"), 0)
        }
        let unknown = try fleet.get(0, "/actions/aa_00000000000000beef")
        #expect(unknown.status == 503 && unknown["retry-after"] != nil)
        expectEqual(unknown.json["code"]?.string, "store-unavailable")

        try cluster.start()
        try await expectMoreCalls(than: calls, fleet)
        // An outage is logged, but not with every attempt. Requests have a line each.
        let lines = fleet.replicas[0].text.split(separator: "\n")
            .filter { !$0.contains("\"message\":\"request\"") }
        #expect(lines.contains { $0.contains("connected") } && lines.count < 2000)
    }

    @Test func aReplicaStartedBeforeItsDatabaseServesWhatItCan() async throws {
        let cluster = try PostgresCluster()
        let url = try Fleet.newDatabase(on: cluster)
        try cluster.stop(.fast)
        let fleet = try await Fleet(1, storeURL: url)
        // No state to serve, and no way to know whether the database is the right one: no traffic.
        try await eventually("the reason") {
            let ready = try fleet.get(0, "/readyz")
            expectEqual(ready.status, 503)
            return ready.json["output"]?.string?.contains("not been reached yet: ") == true
        }
        try expectEqual(fleet.metric(0, "store_up"), 0)
        let reply = try fleet.get(0, Self.path)
        #expect(reply.status == 503 && reply["retry-after"] != nil)
        try expectEqual(fleet.get(0, "/livez").status, 200)
        try cluster.start()
        try await eventually("the action") { try fleet.get(0, Self.path).status == 200 }
        try await eventually("health") { try fleet.isWell(0) }
        try cluster.stop(.fast)
        try await eventually("a warning of the lost store") { try fleet.isWarned(0) }
    }

    @Test func aSlowDatabaseDelaysNobody() async throws {
        let cluster = try PostgresCluster()
        let relay = try Relay(to: cluster.port)
        let database = try Fleet.newDatabase(on: cluster)
        let fleet = try await Fleet(
            1,
            storeURL: database.replacingOccurrences(
                of: ":\(cluster.port)/", with: ":\(relay.port)/"), Bystander.briefRefresh)
        let bystander = try await Bystander(Self.path)
        try await fleet.awaitAnswers(Self.path)
        relay.slowDown(milliseconds: 2100)
        try await eventually("a warning") {
            try expectEqual(fleet.get(0, Self.path).status, 200)
            return try fleet.isWarned(0)
        }
        let calls = try fleet.audit().vouchers.calls
        await bystander.expectFullSpeed(of: fleet.ports, for: .seconds(5))
        try expectEqual(fleet.audit().vouchers.calls, calls, "a slot was used too late")
        #expect(try fleet.isWarned(0))
        relay.slowDown(milliseconds: 0)
        try await expectMoreCalls(than: calls, fleet)
    }

    @Test func anIsolatedReplicaLeavesTheWorkToTheOthers() async throws {
        let cluster = try PostgresCluster()
        let relay = try Relay(to: cluster.port)
        let url = try Fleet.newDatabase(on: cluster)
        let well = try await Fleet(1, storeURL: url, Bystander.briefRefresh)
        let cut = try await Fleet(
            1,
            storeURL: url.replacingOccurrences(of: ":\(cluster.port)/", with: ":\(relay.port)/"),
            World.usual(sandboxPort: well.sandboxPort).filter { $0.key.hasSuffix("_URL") }
                .merging(Bystander.briefRefresh) { _, new in new })
        let bystander = try await Bystander(Self.path)
        try await cut.awaitAnswers(Self.path)
        try await well.awaitAnswers(Self.path)
        relay.stall()
        let calls = try well.audit().vouchers.calls
        await bystander.expectFullSpeed(of: cut.ports + well.ports, for: .seconds(5))
        #expect(try cut.isWarned(0))
        try expectEqual(cut.metric(0, "store_up"), 0)
        #expect(try !well.isWarned(0))
        #expect(try well.audit().vouchers.calls > calls, "the others have stopped, too")
        relay.heal()
        let newest = try well.get(0, Self.path)
        try await eventually("recovery") {
            try !cut.isWarned(0) && cut.get(0, Self.path)["etag"] == newest["etag"]
        }
        #expect(try #require(try well.audit().vouchers.smallestGap) >= Self.interval)
    }

    @Test func thePasswordIsInNoLogAndNoAnswer() async throws {
        let url = try Fleet.newDatabase().replacingOccurrences(
            of: "postgres@", with: "postgres:hush-hush@")
        let fleet = try await Fleet(1, storeURL: url, ["LOG_LEVEL": "debug"])
        try await fleet.awaitAnswers(Self.path)
        #expect(try !fleet.get(0, "/readyz").text.contains("hush"))
        let check = try Program(
            "status-proxy", ["check"],
            environment: World.usual(sandboxPort: fleet.sandboxPort).merging(
                ["STORE_URL": url]) { _, new in new })
        try await expectEqual(check.exitCode(), 0)
        #expect(check.text.contains("STORE_URL=postgresql://postgres:[secret]@"), "\(check.text)")
        #expect(!check.text.contains("hush") && !fleet.replicas[0].text.contains("hush"))
    }
}
