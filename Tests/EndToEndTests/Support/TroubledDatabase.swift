// A database with replicas, and the faults that a test causes and ends.

import Foundation
import TestSupport

final class TroubledDatabase {
    let fleet: Fleet
    private let trouble: DatabaseTrouble
    /// A server of the test's own, where the fault affects the whole server.
    private let server: PostgresCluster?
    /// Replaces the server.
    private let successor: PostgresCluster?
    private var admin: SQLSession
    private var others: [SQLSession] = []
    private var clock = ""

    private static let path = "/actions/\(DemoID.pendingVoucher)"

    init(_ trouble: DatabaseTrouble, replicas: Int) async throws {
        self.trouble = trouble
        switch trouble {
        case .everyStatementTakesTwoSeconds, .clockWentAhead, .clockWasSetBack, .wiped:
            (server, successor) = (nil, nil)
        case .connectionsUsedUp:
            server = try PostgresCluster(["max_connections=8", "superuser_reserved_connections=0"])
            successor = nil
        case .oldBackup:
            let server = try PostgresCluster()
            try await Self.makeSchema(on: server)
            self.server = server
            successor = try PostgresCluster(copyOf: server, asStandby: false)
        case .failoverThatLostNothing, .failoverThatLostACall:
            let server = try PostgresCluster()
            let standby = try PostgresCluster(copyOf: server, asStandby: true)
            try standby.start()
            if trouble == .failoverThatLostNothing { try await Self.awaitStandby(server) }
            (self.server, successor) = (server, standby)
        }
        let hosts = [server, successor].compactMap { $0.map { "127.0.0.1:\($0.port)" } }
        let url =
            hosts.isEmpty
            ? try Fleet.newDatabase()
            : "postgresql://postgres@\(hosts.joined(separator: ","))/postgres"
        fleet = try await Fleet(replicas, storeURL: url)
        admin = try SQLSession(server?.url(database: "postgres") ?? url)
    }

    /// Without any call that the test counts.
    private static func makeSchema(on server: PostgresCluster) async throws {
        let first = try await Fleet(1, storeURL: server.url(database: "postgres"))
        try await eventually("an answer") {
            try first.get(0, "/actions/\(DemoID.pendingOrder)").status == 200
        }
    }

    /// From then on a commit also needs the standby's write.
    private static func awaitStandby(_ server: PostgresCluster) async throws {
        let session = try SQLSession(server.url(database: "postgres"))
        try session.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        try session.query("SELECT pg_reload_conf()")
        try await eventually("a synchronous standby") {
            try session.value("SELECT sync_state FROM pg_stat_replication") == "sync"
        }
    }

    func inflict() async throws {
        switch trouble {
        case .connectionsUsedUp: try useUpConnections()
        case .everyStatementTakesTwoSeconds: try replaceClock("pg_sleep(2)", ahead: 0)
        case .clockWentAhead: try replaceClock("1", ahead: 3600)
        case .clockWasSetBack: try replaceClock("1", ahead: -3600)
        case .wiped: try admin.query("DROP SCHEMA status_proxy CASCADE")
        case .oldBackup:
            try server?.stop(.immediate)
            try successor?.start()
        case .failoverThatLostNothing: try failOver()
        case .failoverThatLostACall:
            try await loseACall()
            try failOver()
            try await fleet.restart(0)
        }
        if let successor { admin = try SQLSession(successor.url(database: "postgres")) }
    }

    /// Ends the fault's cause, but not the effects of a lost history.
    func end() throws {
        switch trouble {
        case .connectionsUsedUp: others = []
        case .everyStatementTakesTwoSeconds: try admin.query(clock)
        // A clock that is corrected steps once more.
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup, .failoverThatLostNothing,
            .failoverThatLostACall:
            break
        }
    }

    /// How many calls the database has.
    func callsKept() throws -> Int? {
        try admin.value("SELECT count(*) FROM status_proxy.calls").flatMap { Int($0) }
    }

    /// The replicas are stopped meanwhile, so that others can take their connections' places.
    private func useUpConnections() throws {
        guard let server else { return }
        fleet.replicas.forEach { $0.signal(SIGSTOP) }
        defer { fleet.replicas.forEach { $0.signal(SIGCONT) } }
        try admin.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'status-proxy'
            """)
        let url = server.url(database: "postgres")
        while others.count < 8, let session = try? SQLSession(url) { others.append(session) }
    }

    /// Replaces the schema's clock function.
    private func replaceClock(_ first: String, ahead seconds: Int) throws {
        clock =
            try admin.value("SELECT pg_get_functiondef('status_proxy.clock()'::regprocedure)") ?? ""
        try admin.query(
            """
            CREATE OR REPLACE FUNCTION status_proxy.clock() RETURNS bigint
            LANGUAGE plpgsql VOLATILE AS $$
            BEGIN
                PERFORM \(first);
                RETURN (extract(epoch FROM clock_timestamp()) + \(seconds))::numeric * 1000000000;
            END
            $$
            """)
    }

    /// As if the primary's machine had failed.
    private func failOver() throws {
        try server?.stop(.immediate)
        try successor?.promote()
    }

    /// Replica 0 makes a call whose gate never reaches the standby, and ends.
    private func loseACall() async throws {
        guard let successor else { return }
        let standby = try SQLSession(successor.url(database: "postgres"))
        try await eventually("the standby to catch up") {
            (try? standby.value("SELECT id FROM status_proxy.entries WHERE known")) != nil
        }
        try standby.query("ALTER SYSTEM SET primary_conninfo = ''")
        try standby.query("SELECT pg_reload_conf()")
        try await eventually("the standby to stop receiving") {
            try standby.value("SELECT count(*) FROM pg_stat_wal_receiver") == "0"
        }
        let calls = try fleet.audit().vouchers.calls
        try await eventually("a call to lose") {
            _ = try fleet.get(0, Self.path)
            return try fleet.audit().vouchers.calls > calls
        }
        fleet.replicas[0].signal(SIGKILL)
        _ = try await fleet.replicas[0].exitCode()
    }
}
