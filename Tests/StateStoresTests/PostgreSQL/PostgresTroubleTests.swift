// A shared database that is wiped, set back, recovered elsewhere, slow or full while its store runs, or
// whose clock steps. The test moves all clocks.

import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("The shared store survives what happens to databases", .blocking)
struct PostgresTroubleTests {
    let database: TestDatabase
    let a = EntryKey.orders("a")
    let b = EntryKey.orders("b")

    init() throws {
        database = try TestDatabase()
        try database.takeOverTheClock()
    }

    // MARK: lost continuity

    /// Ways in which the store's data is lost under a running process.
    enum Loss: CaseIterable {
        case emptied
        case setBack
        case promotedElsewhere
        case declaredByTheOperator
    }

    @Test(arguments: Loss.allCases)
    func lostHistoryQuarantinesUntilItCannotMatter(_ loss: Loss) async throws {
        let store = try database.open()
        let before = try await store.grant(.of(.orders("before")))
        try await store.complete(.of(.orders("before"), before, .opens(in: .zero)))
        try keepCopy()
        let running = try await store.grant(.of(a))
        let paused = try await store.grant(.of(.vouchers("v")))
        try await store.complete(.of(.vouchers("v"), paused, pause: .seconds(500)))
        try database.pass(.seconds(1))
        try inflict(loss)

        // A minute's window and a flight last longer than the hold.
        let span = Reservation.quarantine
        try await expectEqual(store.verdict(.of(b)).quarantine, span)
        // Its reply shows that the lost calls are entered again: time may pass.
        _ = try await store.lookUp(b.id)
        try database.pass(.seconds(10))
        try await expectEqual(store.verdict(.of(a)).quarantine, span - .seconds(10))
        // Look-ups and completions still work.
        _ = try await store.lookUp(a.id)
        let completed = try await store.complete(
            .of(a, running, observation: .answer(.sample("a"), checkedAt: database.clock.wall)))
        expectEqual(completed.record.answer?.document, .sample("a"))

        try database.pass(span - .seconds(10))
        let token = try await store.grant(.of(b, perDay: 10))
        #expect(token > running)
        // The lost calls still count: before, a, b and c.
        try await expectEqual(store.reserve(.of(.orders("c"), perDay: 10)).budgetLeft.day, 6)
        // The pauses that this process knew of are not lost with the rows.
        guard case .paused = try await store.verdict(.of(.vouchers("w"))) else {
            Issue.record("the pause was lost")
            return
        }
    }

    @Test func otherReplicasDetectWhatOneHasRepaired() async throws {
        let stores = [try database.open(), try database.open()]
        try keepCopy()
        for number in 0..<3 { _ = try await stores[1].grant(.of(.orders("x\(number)"), perDay: 9)) }
        _ = try await stores[0].verdict(.of(.orders("x0")))
        try inflict(.setBack)
        for store in stores {
            #expect(try await store.verdict(.of(.orders("x0"))).quarantine != nil)
        }
        // Operations run in order: by then it has entered its calls again.
        _ = try await stores[1].lookUp(a.id)
        try database.pass(Reservation.quarantine)
        try await expectEqual(stores[0].reserve(.of(.orders("x0"), perDay: 9)).budgetLeft.day, 5)
        #expect(try await stores[1].verdict(.of(.orders("x0"))).isGateShut)
    }

    @Test func aLaterProcessKeepsTheQuarantineToo() async throws {
        let store = try database.open()
        _ = try await store.grant(.of(a))
        try inflict(.promotedElsewhere)
        let fresh = try database.open()
        #expect(try await fresh.verdict(.of(a)).quarantine != nil)
        #expect(try await store.verdict(.of(a)).quarantine != nil)
    }

    @Test func aDroppedSchemaIsRecreatedInQuarantine() async throws {
        let reports = Recorder()
        let store = try database.open(report: { reports.add($0) })
        _ = try await store.grant(.of(a))
        try database.admin.query("DROP SCHEMA status_proxy CASCADE")
        // It fails, unless another operation has noticed before.
        _ = try? await store.verdict(.of(a))
        #expect(try await store.verdict(.of(a)).quarantine != nil)
        #expect(reports.words.contains { $0.contains("epoch changed") })
    }

    @Test func firstStartOnAnEmptyDatabaseIsNotQuarantined() async throws {
        _ = try await TestDatabase().open().grant(.of(a))
    }

    @Test func aTableRestoredFromADumpIsAnotherIdentity() async throws {
        let store = try database.open()
        _ = try await store.grant(.of(a))
        await store.close()
        // As pg_dump and pg_restore do: the same rows in new tables.
        try database.admin.query(
            """
            CREATE TABLE status_proxy.copy (LIKE status_proxy.meta INCLUDING ALL);
            INSERT INTO status_proxy.copy SELECT * FROM status_proxy.meta;
            ALTER TABLE status_proxy.meta RENAME TO gone;
            ALTER TABLE status_proxy.copy RENAME TO meta
            """)
        #expect(try await database.open().verdict(.of(b)).quarantine != nil)
    }

    // MARK: clocks

    @Test func aClockThatGoesAheadOpensNoGateAndIsSetBack() async throws {
        let reports = Recorder()
        let store = try database.open(report: { reports.add($0) })
        _ = try await store.grant(.of(a))
        try database.stepDatabaseClock(.seconds(3600))
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        #expect(reports.words.contains { $0.contains("ahead") })
        let record = try #require(try await store.lookUp(a.id).first)
        #expect(record.opensIn > .seconds(40) && record.opensIn <= .seconds(41))
        try database.pass(Reservation.quarantine)
        _ = try await store.grant(.of(a))
    }

    @Test func aGrantByAClockSlightlyAheadIsVoid() async throws {
        let store = try database.open()
        let token = try await store.grant(.of(a))
        try await store.complete(.of(a, token, .opens(in: .milliseconds(500))))
        try database.stepDatabaseClock(.seconds(1))
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        try database.pass(.seconds(1))
        #expect(try await store.verdict(.of(b)).quarantine != nil)
    }

    @Test func aClockSetBackContinuesFromTheLastTimeWritten() async throws {
        let store = try database.open()
        let token = try await store.grant(.of(a))
        try await store.complete(.of(a, token, .opens(in: .seconds(5))))
        try database.stepDatabaseClock(.seconds(-3600))
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        try await expectEqual(store.lookUp(a.id).first?.opensIn, .seconds(5))
        try database.pass(Reservation.quarantine)
        _ = try await store.grant(.of(a))
    }

    @Test func aClockSlightlyBehindStandsStill() async throws {
        let store = try database.open()
        _ = try await store.grant(.of(a))
        try database.stepDatabaseClock(.milliseconds(-1500))
        guard case .gateShut(let record) = try await store.verdict(.of(a)) else {
            Issue.record("not shut")
            return
        }
        expectEqual(record.opensIn, .seconds(41))
    }

    /// A process that was frozen with its machine sees the store's clock ahead, and is wrong: the
    /// others have written meanwhile.
    @Test func aFrozenProcessDoesNotSetTheOthersBack() async throws {
        let frozen = try database.open()
        _ = try await frozen.grant(.of(a))
        let others = PostgresStore(
            url: try database.url(), clock: StoreClock.system, limits: .quiet)
        _ = try await others.lookUp(a.id)
        try database.stepDatabaseClock(.seconds(600))
        let written = PostgresStore(
            url: try database.url(), clock: StoreClock.system, limits: .quiet)
        _ = try await written.grant(.of(b))
        let time = try database.admin.value("SELECT last_time FROM status_proxy.meta")
        for _ in 0..<3 { _ = try? await frozen.verdict(.of(a)) }
        try expectEqual(database.admin.value("SELECT last_time FROM status_proxy.meta"), time)
        #expect(try await frozen.verdict(.of(a)).quarantine != nil)
    }

    // MARK: slow, refused, broken off

    @Test func aDatabaseThatIsTooSlowFailsInTimeAndLeavesNoGateShut() async throws {
        var limits = PostgresLimits.quiet
        limits.decisionMax = .milliseconds(300)
        let store = try database.open(limits)
        try await eventually("a connection") { (try? await store.lookUp(a.id)) != nil }
        let blocker = try SQLSession(database.server.url(database: database.name))
        try blocker.query("BEGIN; LOCK TABLE status_proxy.meta IN ACCESS EXCLUSIVE MODE")
        await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        // From now on nothing waits behind it.
        let failure = await #expect(throws: StoreFailure.self) { try await store.lookUp(a.id) }
        expectEqual(failure?.text.contains("in time"), true)
        try blocker.query("ROLLBACK")
        // The grant that arrived too late has released its slot.
        try await eventually("a grant") {
            (try? await store.verdict(.of(a)).isGranted) == true
        }
    }

    /// A reply right after the deadline is no decision, whichever side notices first.
    @Test func aDatabaseThatTakesTheWholeTimeGrantsNothing() async throws {
        var limits = PostgresLimits.quiet
        limits.decisionMax = .milliseconds(320)
        let conditions = Guarded<[StoreCondition]>([])
        var stores: [PostgresStore] = []
        for _ in 0..<6 {
            let store = try database.open(
                limits,
                watch: { condition in
                    conditions.withLock { $0.append(condition) }
                })
            try await eventually("a connection") { (try? await store.lookUp(a.id)) != nil }
            stores.append(store)
        }
        try database.admin.query(
            """
            CREATE OR REPLACE FUNCTION status_proxy.clock() RETURNS bigint LANGUAGE sql VOLATILE
            AS 'SELECT ns FROM public.clock, pg_sleep(0.33)'
            """)
        for store in stores {
            await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        }
        try await eventually("health") {
            conditions.withLock { $0.filter { $0 != .well }.count } == stores.count
        }
        try expectEqual(database.admin.value("SELECT count(*) FROM status_proxy.calls"), "0")
    }

    /// A statement that was interrupted while it was prepared does not exist under its name.
    @Test func aStatementThatCouldNotBePreparedIsPreparedAgain() async throws {
        var limits = PostgresLimits.quiet
        limits.statementMax = .milliseconds(300)
        let store = try database.open(limits)
        try await eventually("a connection") { (try? await store.lookUp(a.id)) != nil }
        let blocker = try SQLSession(database.server.url(database: database.name))
        try blocker.query("BEGIN; LOCK TABLE status_proxy.sources IN ACCESS EXCLUSIVE MODE")
        await #expect(throws: StoreFailure.self) { try await store.smallestGaps() }
        try blocker.query("ROLLBACK")
        try await eventually("a prepared statement") { (try? await store.smallestGaps()) != nil }
    }

    @Test func aCompletionOutlivesABrokenConnection() async throws {
        let changes = ReceivedChanges()
        let store = try database.open()
        store.listen { changes.add($0) }
        let token = try await store.grant(.of(a))
        try database.admin.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'status-proxy'
            """)
        let reply = try await store.complete(
            .of(a, token, observation: .answer(.sample("a"), checkedAt: database.clock.wall)))
        expectEqual(reply.record.answer?.document, .sample("a"))
        expectEqual(changes.all, [.missed, .missed])
    }

    /// Numbers of closed sockets are reused immediately, by connections that must not miss a reply.
    @Test func manyConnectionsLostAtOnceAreAllReopened() async throws {
        let stores = try (0..<12).map { _ in try database.open() }
        for round in 0..<8 {
            for store in stores {
                try await eventually("a connection in round \(round)") {
                    (try? await store.lookUp(a.id)) != nil
                }
            }
            try database.admin.query(
                """
                SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND application_name = 'status-proxy'
                """)
        }
    }

    @Test func refusedConnectionsAreTriedAgainUntilOneIsAccepted() async throws {
        let role = "r_\(database.name)"
        try database.admin.query(
            """
            CREATE ROLE \(role) LOGIN CONNECTION LIMIT 0;
            GRANT USAGE ON SCHEMA status_proxy TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA status_proxy TO \(role);
            GRANT SELECT ON public.clock TO \(role)
            """)
        let conditions = Recorder()
        let store = try database.open(user: role, watch: { conditions.add("\($0)") })
        let failure = await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        expectEqual(failure?.text.contains("too many connections"), true)
        try database.admin.query("ALTER ROLE \(role) CONNECTION LIMIT 1")
        try await eventually("a connection; got \(conditions.words)") {
            conditions.words.last == "well"
        }
        _ = try await store.grant(.of(a))
    }

    @Test func aReadOnlyDatabaseIsLeftForAWritableOne() async throws {
        let store = try database.open()
        _ = try await store.grant(.of(a))
        try database.admin.query(
            """
            ALTER DATABASE \(database.name) SET default_transaction_read_only = on;
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name = 'status-proxy'
            """)
        await #expect(throws: StoreFailure.self) { try await store.verdict(.of(a)) }
        try SQLSession(database.server.url(database: "postgres")).query(
            "ALTER DATABASE \(database.name) SET default_transaction_read_only = off")
        try await eventually("a closed gate") {
            (try? await store.verdict(.of(a)).isGateShut) == true
        }
    }

    // MARK: helpers

    private static let tables = [
        "meta", "entries", "documents", "sources", "calls", "completions",
    ]

    private func keepCopy() throws {
        for table in Self.tables {
            try database.admin.query(
                "CREATE TABLE public.\(table) AS SELECT * FROM status_proxy.\(table)")
        }
    }

    private func inflict(_ loss: Loss) throws {
        let all = Self.tables.map { "status_proxy.\($0)" }.joined(separator: ", ")
        switch loss {
        case .emptied: try database.admin.query("TRUNCATE \(all)")
        case .setBack:
            let copies = Self.tables.map {
                "INSERT INTO status_proxy.\($0) SELECT * FROM public.\($0)"
            }
            try database.admin.query("TRUNCATE \(all); \(copies.joined(separator: "; "))")
        case .promotedElsewhere:
            // What a promotion changes in the database's identity: the timeline.
            try database.admin.query(
                "UPDATE status_proxy.meta SET home = replace(home, '/00000001/', '/00000002/')")
        case .declaredByTheOperator: try database.admin.query("SELECT status_proxy.quarantine()")
        }
    }
}
