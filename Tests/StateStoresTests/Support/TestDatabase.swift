// A database for each test, on one shared server.

import Locking
import StatusCore
import TestSupport

@testable import StateStores

/// Empty, with or without the schema. After `takeOverTheClock` its stores run on a clock that the test
/// moves; before, time passes on its own, here and in the database.
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

    /// Waits until that many stores listen that have sent no notification yet.
    func untilListening(_ count: Int) async throws {
        let listening = """
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                AND query LIKE 'LISTEN%' AND state = 'idle'
            """
        try await eventually("\(count) listening stores") {
            try admin.value(listening) == "\(count)"
        }
    }

    func makeSchema() throws { try admin.query(PostgresGreeting.schema) }

    /// Replaces the schema's clock function by one that reads the time from a table.
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

    /// Opens a store and lets it connect. Its first reading of the clock is wrong if time passes
    /// meanwhile here and not yet in the database.
    func openConnected() async throws -> PostgresStore {
        let store = try open()
        _ = try await store.lookUp(.sample("nothing"))
        return store
    }

    /// Lets time pass for the database and for the process.
    func pass(_ span: Duration) throws {
        try stepDatabaseClock(span)
        clock.advance(span)
    }

    func stepDatabaseClock(_ span: Duration) throws {
        try admin.query("UPDATE public.clock SET ns = ns + \(span.nanoseconds)")
    }
}

extension PostgresLimits {
    /// Limits for a machine that may be busy.
    static let patient: PostgresLimits = {
        var limits = PostgresLimits()
        limits.decisionMax = .seconds(60)
        limits.completionMax = .seconds(60)
        limits.silenceMax = .seconds(60)
        limits.statementMax = .seconds(60)
        return limits
    }()

    /// Also without an idle connection's heartbeats, since a test's time stands still between its
    /// steps.
    static let quiet: PostgresLimits = {
        var limits = patient
        limits.beatInterval = .seconds(3600)
        limits.changesInterval = .seconds(3600)
        return limits
    }()
}
