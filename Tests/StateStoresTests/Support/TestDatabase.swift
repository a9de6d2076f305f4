// A database of its own for each test, on the server that all of them share.

import Locking
import StatusCore
import TestSupport

@testable import StateStores

/// Empty, with or without the schema. Once `takeOverTheClock` has put a clock that the test moves into
/// the schema, its stores run on it; until then time passes by itself, here and there.
final class TestDatabase: Sendable {
    let clock = ManualClock()
    let name: String
    let admin: SQLSession
    private let isManual = Guarded(false)
    let server: PostgresCluster

    init(on server: PostgresCluster? = nil) throws {
        let server = try server ?? PostgresCluster.shared()
        self.server = server
        name = "t\(UInt32.random(in: .min ... .max))"
        try SQLSession(server.url(database: "postgres")).query("CREATE DATABASE \(name)")
        admin = try SQLSession(server.url(database: name))
    }

    func url(user: String = "postgres") throws -> PostgresURL {
        try PostgresURL(server.url(user: user, database: name, options: "connect_timeout=30"))
    }

    func open(
        user: String = "postgres", _ limits: PostgresLimits = .quiet,
        report: @escaping @Sendable (String) -> Void = { _ in },
        watch: @escaping @Sendable (StoreCondition) -> Void = { _ in },
        watchNotifications: @escaping @Sendable (NotificationEvent) -> Void = { _ in }
    ) throws -> PostgresStore {
        PostgresStore(
            url: try url(user: user), clock: isManual.withLock { $0 } ? clock.storeClock : .system,
            limits: limits, report: report, watch: watch, watchNotifications: watchNotifications)
    }

    /// Waits until so many stores listen that have sent no notification yet.
    func untilListening(_ count: Int) async throws {
        let listening = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND query LIKE 'LISTEN%' AND state = 'idle'
            """
        try await eventually("not \(count) stores listen") {
            try admin.value(listening) == "\(count)"
        }
    }

    func makeSchema() throws { try admin.query(PostgresGreeting.schema) }

    /// The schema asks a function for the time: this one reads it from a table.
    func takeOverTheClock() throws {
        isManual.withLock { $0 = true }
        try makeSchema()
        try admin.query(
            """
            CREATE TABLE public.clock AS SELECT \(clock.wall.milliseconds)::bigint * 1000000 AS ns;
            CREATE OR REPLACE FUNCTION status_proxy.clock() RETURNS bigint LANGUAGE sql VOLATILE
            AS 'SELECT ns FROM public.clock';
            UPDATE status_proxy.meta SET last_time = status_proxy.clock()
            """)
    }

    /// Opens a store and lets it connect: what it finds out then is wrong if time passes meanwhile here
    /// and not yet there.
    func openConnected() async throws -> PostgresStore {
        let store = try open()
        _ = try await store.lookUp(.sample("nothing"))
        return store
    }

    /// Time passes for the database and for the process.
    func pass(_ span: Duration) throws {
        try stepDatabaseClock(span)
        clock.advance(span)
    }

    func stepDatabaseClock(_ span: Duration) throws {
        try admin.query("UPDATE public.clock SET ns = ns + \(span.nanoseconds)")
    }
}

extension PostgresLimits {
    /// For a machine that may be busy.
    static let patient: PostgresLimits = {
        var limits = PostgresLimits()
        limits.decisionMax = .seconds(60)
        limits.completionMax = .seconds(60)
        limits.silenceMax = .seconds(60)
        limits.statementMax = .seconds(60)
        return limits
    }()

    /// Without the beats of an idle connection, too: a test's time stands still between its steps.
    static let quiet: PostgresLimits = {
        var limits = patient
        limits.beatInterval = .seconds(3600)
        limits.changesInterval = .seconds(3600)
        return limits
    }()
}
