// The database goes away under running replicas: callers are served, the upstreams see no call too
// many, and all is well again without a restart.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.serialized, .timeLimit(.minutes(10)))
struct DatabaseTroubleTests {
    private static let interval = 2.0
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    /// Asks one replica again and again, and expects to be served at once.
    private func poll(_ port: Int, seconds: Double) async -> Crowd {
        await Pollers.poll(
            port: port, Self.path, callers: 4, every: .milliseconds(20),
            for: .seconds(seconds))
    }

    private func judge(_ crowd: Crowd) {
        #expect(crowd.failures == 0)
        // Who waits for the database waits two seconds.
        let isAtOnce = crowd.isServedAtOnce(callers: 4, for: .seconds(2), notAfter: .seconds(2))
        #expect(isAtOnce, "\(crowd.requests) requests, \(crowd.slowest)")
        #expect(Set(crowd.statuses.keys) == [200], "\(crowd.statuses)")
    }

    /// Waits until a call is made again, and judges the gaps of all so far.
    private func expectMoreCalls(than calls: Int, _ fleet: Fleet) async throws {
        try await eventually("no call again") {
            for index in fleet.ports.indices { _ = try fleet.get(index, Self.path) }
            return try fleet.audit().vouchers.calls > calls
        }
        if let gap = try fleet.audit().vouchers.smallestGap { #expect(gap >= Self.interval) }
        #expect(try fleet.get(0, "/readyz").status == 200)
    }

    @Test func aDatabaseThatIsDownStopsCallsAndNothingElse() async throws {
        let cluster = try PostgresCluster()
        let fleet = try await Fleet(2, storeURL: Fleet.newDatabase(on: cluster))
        for index in 0..<2 { #expect(try fleet.get(index, Self.path).status == 200) }
        try cluster.stop(.immediate)
        // A call that was granted before may still be on its way.
        try await Task.sleep(for: .milliseconds(200))
        let calls = try fleet.audit().vouchers.calls
        judge(await poll(fleet.ports[0], seconds: 4))
        judge(await poll(fleet.ports[1], seconds: 2))
        #expect(try fleet.audit().vouchers.calls == calls)
        for index in 0..<2 {
            #expect(try fleet.isWarned(index))
            #expect(try fleet.metric(index, "store_up") == 0)
        }
        let unknown = try fleet.get(0, "/actions/aa_00000000000000beef")
        #expect(unknown.status == 503 && unknown["retry-after"] != nil)

        try cluster.start()
        try await expectMoreCalls(than: calls, fleet)
        try await eventually("still warned") { try fleet.metric(0, "store_up") == 1 }
        let log = fleet.replicas[0].text
        #expect(log.contains("connected") && log.split(separator: "\n").count < 2000)
    }

    @Test func aReplicaStartedBeforeItsDatabaseServesWhatItCan() async throws {
        let cluster = try PostgresCluster()
        let url = try Fleet.newDatabase(on: cluster)
        try cluster.stop(.fast)
        let fleet = try await Fleet(1, storeURL: url)
        try await eventually("warned") { try fleet.isWarned(0) }
        let reply = try fleet.get(0, Self.path)
        #expect(reply.status == 503 && reply["retry-after"] != nil)
        #expect(try fleet.get(0, "/livez").status == 200)
        try cluster.start()
        try await eventually("not found") { try fleet.get(0, Self.path).status == 200 }
        try await eventually("still warned") { try !fleet.isWarned(0) }
    }

    @Test func anAsynchronousFailoverMakesNoCallUntilTheLostOneCannotMatter() async throws {
        let primary = try PostgresCluster()
        let standby = try PostgresCluster(copyOf: primary, asStandby: true)
        try standby.start()
        let hosts = "127.0.0.1:\(primary.port),127.0.0.1:\(standby.port)"
        let fleet = try await Fleet(2, storeURL: "postgresql://postgres@\(hosts)/postgres")
        for index in 0..<2 { #expect(try fleet.get(index, Self.path).status == 200) }
        let replica = try SQLSession(standby.url(database: "postgres"))
        try await eventually("the standby is behind") {
            (try? replica.value("SELECT id FROM status_proxy.looks WHERE known")) != nil
        }
        try replica.query("ALTER SYSTEM SET primary_conninfo = ''")
        try replica.query("SELECT pg_reload_conf()")
        try await eventually("still receiving") {
            try replica.value("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
        }
        // This call's gate never reaches the standby, and who made it goes with the primary.
        let before = try fleet.audit().vouchers.calls
        try await eventually("no call to lose") {
            _ = try fleet.get(0, Self.path)
            return try fleet.audit().vouchers.calls > before
        }
        try primary.stop(.immediate)
        fleet.replicas[0].signal(SIGKILL)
        try standby.promote()

        let calls = try fleet.audit().vouchers.calls
        judge(await poll(fleet.ports[1], seconds: 4))
        #expect(try fleet.audit().vouchers.calls == calls, "the gate was forgotten")
        #expect(try fleet.isWarned(1))
        try await eventually("it has not noticed") {
            fleet.replicas[1].text.contains("no calls until")
        }
        // Time passes because the test says so.
        try replica.query(
            "UPDATE status_proxy.meta SET noticed = noticed - 80000000000, shut_until = NULL")
        try await fleet.restart(0)
        try await expectMoreCalls(than: calls, fleet)
    }

    @Test func aSlowDatabaseMakesNobodyWait() async throws {
        let cluster = try PostgresCluster()
        let relay = try Relay(to: cluster.port)
        let database = try Fleet.newDatabase(on: cluster)
        let fleet = try await Fleet(
            1,
            storeURL: database.replacingOccurrences(
                of: ":\(cluster.port)/", with: ":\(relay.port)/"))
        #expect(try fleet.get(0, Self.path).status == 200)
        relay.slowDown(milliseconds: 2100)
        try await Task.sleep(for: .milliseconds(2200))
        let calls = try fleet.audit().vouchers.calls
        judge(await poll(fleet.ports[0], seconds: 5))
        #expect(try fleet.audit().vouchers.calls == calls, "a slot was used too late")
        #expect(try fleet.isWarned(0))
        relay.slowDown(milliseconds: 0)
        try await expectMoreCalls(than: calls, fleet)
    }

    @Test func aReplicaThatIsCutOffLeavesTheWorkToTheOthers() async throws {
        let cluster = try PostgresCluster()
        let relay = try Relay(to: cluster.port)
        let url = try Fleet.newDatabase(on: cluster)
        let well = try await Fleet(1, storeURL: url)
        let cut = try await Fleet(
            1,
            storeURL: url.replacingOccurrences(of: ":\(cluster.port)/", with: ":\(relay.port)/"),
            World.usual(sandboxPort: well.sandboxPort).filter { $0.key.hasSuffix("_URL") })
        #expect(try cut.get(0, Self.path).status == 200)
        #expect(try well.get(0, Self.path).status == 200)
        relay.stall()
        let calls = try well.audit().vouchers.calls
        let ports = (cut: cut.ports[0], well: well.ports[0])
        async let cutOff = poll(ports.cut, seconds: 5)
        async let others = poll(ports.well, seconds: 5)
        judge(await cutOff)
        judge(await others)
        #expect(try cut.isWarned(0))
        #expect(try cut.metric(0, "store_up") == 0)
        #expect(try !well.isWarned(0))
        #expect(try well.audit().vouchers.calls > calls, "the others have stopped, too")
        relay.heal()
        let newest = try well.get(0, Self.path)
        try await eventually("not healed") {
            try !cut.isWarned(0) && cut.get(0, Self.path)["etag"] == newest["etag"]
        }
        #expect(try #require(try well.audit().vouchers.smallestGap) >= Self.interval)
    }

    @Test func thePasswordStandsInNoLogAndNoAnswer() async throws {
        let url = try Fleet.newDatabase().replacingOccurrences(
            of: "postgres@", with: "postgres:hush-hush@")
        let fleet = try await Fleet(1, storeURL: url, ["LOG_LEVEL": "debug"])
        #expect(try fleet.get(0, Self.path).status == 200)
        #expect(try !fleet.get(0, "/readyz").text.contains("hush"))
        let check = try Program(
            "status-proxy", ["check"],
            environment: World.usual(sandboxPort: fleet.sandboxPort).merging(
                ["STORE_URL": url]) { _, new in new })
        #expect(try await check.exitCode() == 0)
        #expect(check.text.contains("STORE_URL=postgresql://postgres:[secret]@"), "\(check.text)")
        #expect(!check.text.contains("hush") && !fleet.replicas[0].text.contains("hush"))
    }
}
