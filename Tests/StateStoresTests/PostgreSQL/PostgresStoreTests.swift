// The shared store beyond the contract: several replicas, notifications, rights and the schema.

import Dispatch
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("Replicas share a database", .blocking)
struct PostgresStoreTests {
    let database: TestDatabase
    let a = EntryKey.orders("a")

    init() throws { database = try TestDatabase() }

    // MARK: several replicas

    /// Whether or not an empty schema exists, made for a role that may not create one.
    @Test(arguments: [true, false])
    func replicasThatStartTogetherCreateOneSchema(isThere: Bool) async throws {
        if isThere { try database.admin.query("CREATE SCHEMA status_proxy") }
        let stores = try (0..<8).map { _ in try database.open() }
        let grants = await withTaskGroup(of: Bool.self) { group in
            for store in stores {
                group.addTask { (try? await store.verdict(.of(a)).isGranted) == true }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        expectEqual(grants, 1)
        try expectEqual(database.admin.value("SELECT count(*) FROM status_proxy.meta"), "1")
    }

    @Test func replicasGrantOneGateOnce() async throws {
        let stores = try (0..<3).map { _ in try database.open() }
        for round in 0..<10 {
            let key = EntryKey.orders("a\(round)")
            let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<30 {
                    group.addTask { try await stores[number % 3].verdict(.of(key)).isGranted }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            expectEqual(grants, 1)
        }
    }

    @Test func replicasShareOneBudget() async throws {
        let stores = try (0..<3).map { _ in try database.open() }
        let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<90 {
                group.addTask {
                    try await stores[number % 3]
                        .verdict(.of(.orders("a\(number)"), perMinute: 20)).isGranted
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        expectEqual(grants, 10, "the unknown ids' half")
    }

    @Test func onlyOtherReplicasAreNotifiedOfACompletion() async throws {
        let (mine, others) = (ReceivedChanges(), ReceivedChanges())
        let stores = [try database.open(), try database.open()]
        stores[0].listen { mine.add($0) }
        stores[1].listen { others.add($0) }
        try await database.untilListening(2)
        try await stores[0].complete(.of(a, try await stores[0].grant(.of(a))))
        try await others.until { $0.contains(.changed(a.id)) }
        // A replica's own notifications arrive the same way, and before the later ones of others.
        let b = EntryKey.orders("b")
        try await stores[1].complete(.of(b, try await stores[1].grant(.of(b))))
        try await mine.until { $0.contains(.changed(b.id)) }
        // A replica may also find a change when it searches the store for the first time.
        #expect(mine.all.allSatisfy { [.missed, .changed(b.id)].contains($0) }, "\(mine.all)")
        #expect(others.all.allSatisfy { [.missed, .changed(a.id)].contains($0) }, "\(others.all)")
    }

    @Test func aLongIDFitsIntoANotification() async throws {
        let key = EntryKey.vouchers("v" + String(repeating: "~", count: 127))
        let others = ReceivedChanges()
        let stores = [try database.open(), try database.open()]
        stores[1].listen { others.add($0) }
        try await database.untilListening(2)
        try await stores[0].complete(.of(key, try await stores[0].grant(.of(key))))
        try await others.until { $0.contains(.changed(key.id)) }
    }

    @Test func aLargeAnswerArrivesCompletely() async throws {
        let store = try database.open()
        let bytes = (0..<6_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let document = ActionDocument(
            bytes: bytes, source: .orders, status: .pending, isDone: false, createdAt: nil)
        let token = try await store.grant(.of(a))
        try await store.complete(
            .of(a, token, observation: .answer(document, checkedAt: database.clock.wall)))
        let record = try #require(try await store.lookUp(a.id).first)
        expectEqual(record.answer?.document, document)
    }

    /// An answer may have megabytes: neither a moving gate nor the same answer again rewrites it.
    @Test func answerIsWrittenOnceHoweverOftenItsGateMoves() async throws {
        let store = try database.open()
        let version = "SELECT xmin::text || ctid::text FROM status_proxy.documents"
        let answer = Completion.Observation.answer(.sample("a"), checkedAt: database.clock.wall)
        try await store.complete(
            .of(a, try await store.grant(.of(a)), .opens(in: .zero), observation: answer))
        let written = try database.admin.value(version)
        for observation in [Completion.Observation.none, .negative(.timedOut), answer] {
            let token = try await store.grant(.of(a))
            try await store.complete(.of(a, token, .opens(in: .zero), observation: observation))
            try expectEqual(database.admin.value(version), written, "\(observation)")
        }
        #expect(written != nil)
    }

    @Test func wordsWithZerosQuotesAndOtherScriptsAreKept() async throws {
        let store = try database.open()
        let fault = UpstreamFault(
            kind: .notFound, httpStatus: 404, code: "\"'\\{},$1", message: "nul \0 Größe 漢字")
        let token = try await store.grant(.of(a))
        let reply = try await store.complete(
            .of(
                a, token,
                observation: .negative(KeptNegativeResult(fault: fault, repeats: 1, age: .zero))))
        expectEqual(reply.record.negative?.fault.code, fault.code)
        expectEqual(reply.record.negative?.fault.message, "nul  Größe 漢字")
    }

    // MARK: bounds

    @Test func operationsBeyondTheBoundAreRefused() async throws {
        var limits = PostgresLimits.quiet
        limits.waitingMax = 3
        let store = try database.open(limits)
        let replies = Recorder()
        store.queue.suspend()
        for number in 0..<80 {
            store.reserve(.of(.orders("a\(number)"))) { result in
                replies.add((try? result.get()) == nil ? "refused" : "done")
            }
        }
        store.queue.resume()
        await store.close()
        let words = replies.words
        #expect(words.count == 80 && words.contains("refused") && words.contains("done"))
    }

    @Test func unknownWordsAreReadAsTheNearest() async throws {
        let store = try database.open()
        let token = try await store.grant(.of(a))
        try await store.complete(
            .of(
                a, token, .opens(in: .zero),
                observation: .answer(.sample("a"), checkedAt: database.clock.wall)))
        try database.admin.query(
            """
            UPDATE status_proxy.documents SET status = 'ON_HOLD';
            UPDATE status_proxy.entries SET negative_kind = 'eaten-by-dog', negative_ended = 0;
            INSERT INTO status_proxy.entries (id, source, revision, first_seen, opens, known)
            VALUES ('a', '7parcels', 0, 0, 0, false)
            """)
        let records = try await store.lookUp(a.id)
        expectEqual(records.count, 1)
        expectEqual(records.first?.answer?.document.status, .unknown)
        expectEqual(records.first?.negative?.fault.kind, .unexpectedStatus)
    }

    // MARK: rights and versions

    @Test func aRoleWithoutRightsToCreateWorksOnceTheSchemaIsThere() async throws {
        let role = try makeRole()
        let reports = Recorder()
        let early = try database.open(user: role, report: { reports.add($0) })
        let failure = await #expect(throws: StoreFailure.self) { try await early.verdict(.of(a)) }
        expectEqual(failure?.text.contains("schema.sql"), true)
        await early.close()

        try database.makeSchema()
        try database.admin.query(
            """
            GRANT USAGE ON SCHEMA status_proxy TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA status_proxy TO \(role)
            """)
        let store = try database.open(user: role)
        let token = try await store.grant(.of(a))
        try await store.complete(
            .of(a, token, observation: .answer(.sample("a"), checkedAt: database.clock.wall)))
        try await expectEqual(
            store.purge(
                Retention(terminalTTL: .zero, staleMax: .seconds(9), negativeMax: .zero)), 0)
    }

    @Test(arguments: [
        ("UPDATE status_proxy.schema_version SET version = 4", "version 4"),
        ("DROP TABLE status_proxy.schema_version", "another program"),
    ])
    func anotherSchemaVersionIsRefusedAndUnchanged(_ change: String, _ words: String) async throws {
        try database.makeSchema()
        try database.admin.query(change)
        let store = try database.open()
        let failure = await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        expectEqual(failure?.text.contains(words), true)
        try expectEqual(database.admin.value("SELECT revision FROM status_proxy.meta"), "0")
    }

    @Test func settingsOfTheRoleDoNotWeakenTheRules() async throws {
        let role = try makeRole()
        try database.admin.query(
            """
            GRANT CREATE ON DATABASE \(database.name) TO \(role);
            ALTER ROLE \(role) SET synchronous_commit = off;
            ALTER ROLE \(role) SET default_transaction_isolation = 'serializable';
            ALTER ROLE \(role) SET search_path = 'nowhere'
            """)
        let stores = try (0..<3).map { _ in try database.open(user: role) }
        let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<60 {
                group.addTask { try await stores[number % 3].verdict(.of(a)).isGranted }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        expectEqual(grants, 1)
    }

    @Test func thePasswordIsInNoFailure() async throws {
        let url = try PostgresURL("postgresql://u:hush-hush@127.0.0.1:1/d?sslmode=disable")
        let reports = Recorder()
        let store = PostgresStore(
            url: url, report: { reports.add($0) }, watch: { reports.add("\($0)") })
        let failure = await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        expectEqual(failure?.text.contains("127.0.0.1"), true)
        await store.close()
        let words = reports.words + [failure?.text ?? ""]
        #expect(reports.words.count >= 2 && !words.contains { $0.contains("hush") })
    }

    /// A role of this test's own, since roles belong to the whole server.
    private func makeRole() throws -> String {
        let role = "r_\(database.name)"
        try database.admin.query("CREATE ROLE \(role) LOGIN")
        return role
    }
}
