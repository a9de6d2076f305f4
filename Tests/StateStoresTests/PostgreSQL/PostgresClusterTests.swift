// Real servers that stop, restart, fail over, are restored and are cut off.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("The shared store outlives its servers", .blocking, .serialized)
struct PostgresClusterTests {
    let a = EntryKey.orders("a")
    let b = EntryKey.orders("b")

    private func open(
        _ url: String, _ limits: PostgresLimits = .patient,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> PostgresStore {
        PostgresStore(url: try PostgresURL(url), clock: .system, limits: limits, report: report)
    }

    /// Every way to stop a server, one after the other.
    @Test func aRestartKeepsGatesAndIsFollowedByAStartupBarrier() async throws {
        let cluster = try PostgresCluster()
        let store = try open(cluster.url(database: "postgres"))
        for how in [PostgresCluster.Stop.fast, .immediate] {
            let key = EntryKey.orders("\(how)")
            let token = try await eventualGrant(store, key)
            try cluster.stop(how)
            await #expect(throws: StoreFailure.self) { try await store.verdict(.of(b)) }
            // Requested while the server is down, and kept when it is back.
            async let completed = store.complete(
                .of(
                    key, token,
                    observation: .answer(.sample("a"), checkedAt: WallTime(milliseconds: 0))))
            try cluster.start()
            try await expectEqual(completed.record.answer?.document, .sample("a"))
            // Other replicas have a moment to object.
            let wait = try #require(try await store.verdict(.of(b)).quarantine)
            #expect(wait <= .seconds(5))
            try await expectEqual(
                store.lookUp(key.id).first.map { $0.opensIn > .seconds(20) }, true)
        }
    }

    @Test func anAsynchronousFailoverThatLosesAGrantIsQuarantined() async throws {
        let primary = try PostgresCluster()
        let standby = try PostgresCluster(copyOf: primary, asStandby: true)
        try standby.start()
        let url =
            "postgresql://postgres@127.0.0.1:\(standby.port),127.0.0.1:\(primary.port)/postgres"
        let reports = Recorder()
        let store = try open(url, report: { reports.add($0) })
        _ = try await store.grant(.of(b))
        let replica = try SQLSession(standby.url(database: "postgres"))
        try await eventually("b at the standby") {
            (try? replica.value("SELECT id FROM status_proxy.entries")) == "b"
        }
        // From now on nothing reaches the standby: what is granted now is lost with the primary.
        try replica.query("ALTER SYSTEM SET primary_conninfo = ''")
        try replica.query("SELECT pg_reload_conf()")
        try await eventually("the standby to stop receiving") {
            try replica.value("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
        }
        _ = try await store.grant(.of(a))
        try primary.stop(.immediate)
        try standby.promote()

        try await eventually("a connection to the new primary; got \(reports.words)") {
            (try? await store.verdict(.of(a)).quarantine) != nil
        }
        try expectEqual(replica.value("SELECT count(*) FROM status_proxy.entries"), "1")
        #expect(reports.words.contains { $0.contains("promoted") })
        // A process that did not know the old primary keeps the quarantine, too.
        #expect(try await open(url).verdict(.of(a)).quarantine != nil)
        // The day's budget counts the lost call even after the quarantine.
        try replica.query(
            "UPDATE status_proxy.meta SET loss_detected = loss_detected - 80000000000, barrier = NULL"
        )
        try await expectEqual(store.reserve(.of(a, perDay: 9)).budgetLeft.day, 6)
    }

    @Test func anOldBackupIsDetectedByAReplicaThatRemembersMore() async throws {
        let cluster = try PostgresCluster()
        let url = "postgresql://postgres@127.0.0.1:\(cluster.port)"
        _ = try await open(cluster.url(database: "postgres")).grant(.of(b))
        // Restored without recovery to a point in time: the same cluster, timeline and tables as
        // before.
        let backup = try PostgresCluster(copyOf: cluster, asStandby: false)
        let running = try open("\(url),127.0.0.1:\(backup.port)/postgres")
        _ = try await running.grant(.of(a))
        try cluster.stop(.immediate)
        try backup.start()
        try await eventually("a connection to the backup") {
            (try? await running.verdict(.of(a)).quarantine).map { $0 > .seconds(60) } == true
        }
    }

    @Test func aPartitionFailsInTimeAndRecovers() async throws {
        let cluster = try PostgresCluster()
        let relay = try Relay(to: cluster.port)
        var limits = PostgresLimits.patient
        limits.decisionMax = .seconds(4)
        limits.silenceMax = .seconds(5)
        let changes = ReceivedChanges()
        let cut = try open("postgresql://postgres@127.0.0.1:\(relay.port)/postgres", limits)
        cut.listen { changes.add($0) }
        let well = try open(cluster.url(database: "postgres"))
        let token = try await cut.grant(.of(a))
        relay.stall()
        await #expect(throws: StoreFailure.self) { try await cut.verdict(.of(b)) }
        // The other replica continues, and its gate holds.
        #expect(try await well.verdict(.of(a)).isGateShut)
        _ = try await well.grant(.of(.orders("c")))
        let connections = relay.connections
        async let completed = cut.complete(.of(a, token))
        try await eventually("the silence to be noticed") { relay.connections > connections }
        relay.heal()
        try await expectEqual(completed.record.key, a)
        try await eventually("recovery") { (try? await cut.lookUp(a.id)) != nil }
        #expect(changes.all.count { $0 == .missed } >= 2)
    }

    @Test func aStoreStartedBeforeItsDatabaseFindsIt() async throws {
        let cluster = try PostgresCluster()
        try cluster.stop(.fast)
        let store = try open(cluster.url(database: "postgres"))
        await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        try cluster.start()
        _ = try await eventualGrant(store, a)
    }

    /// Bytes that TLS has decrypted but that are unread do not make the socket readable.
    @Test func answersOfAllSizesArriveCompletelyOverTLS() async throws {
        let cluster = try PostgresCluster()
        try cluster.encrypt(address: "127.0.0.1")
        let store = try open(cluster.url(database: "postgres", options: "sslmode=require"))
        let sizes = (0..<80).map { 1 << ($0 / 5 + 4) + $0 * 37 }
        for (number, size) in sizes.enumerated() {
            let key = EntryKey.orders("a\(number)")
            let document = ActionDocument(
                bytes: Array(repeating: UInt8(ascii: "x"), count: size), source: .orders,
                status: .pending, isDone: false, createdAt: nil)
            let token = try await eventualGrant(store, key)
            try await store.complete(
                .of(
                    key, token, observation: .answer(document, checkedAt: WallTime(milliseconds: 0))
                ))
        }
        for _ in 0..<3 {
            let found = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
                for number in sizes.indices {
                    group.addTask {
                        let records = try await store.lookUp(.sample("a\(number)"))
                        return (number, records.first?.answer?.document.bytes.count ?? 0)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            expectEqual(sizes.indices.map { found[$0] }, sizes)
        }
    }

    private func eventualGrant(_ store: PostgresStore, _ key: EntryKey) async throws -> FencingToken
    {
        var token: FencingToken?
        try await eventually("a grant") {
            token = try? await store.grant(.of(key))
            return token != nil
        }
        return try #require(token)
    }
}
