// What happens to a real database under running replicas: how it comes about, and how it is over.

import Foundation
import TestSupport

/// A way in which a database that can still be reached, or nearly, is no use any more.
enum DatabaseTrouble: String, CaseIterable, Sendable {
    /// All that `max_connections` allows are somebody else's.
    case connectionsUsedUp
    /// In the server, the lock that all replicas need being held meanwhile.
    case everyStatementTakesTwoSeconds
    case clockWentAhead
    case clockWasSetBack
    case wiped
    case oldBackup

    /// It can be reached, but what it says of the past cannot be believed.
    var isLossOfThePast: Bool {
        switch self {
        case .connectionsUsedUp, .everyStatementTakesTwoSeconds: false
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup: true
        }
    }

    /// What the log of each replica has to say.
    var words: String {
        switch self {
        case .connectionsUsedUp: "too many clients already"
        case .everyStatementTakesTwoSeconds: "in time"
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup: "no calls until"
        }
    }
}

/// A database, replicas on it, and the trouble that is made.
final class TroubledDatabase {
    let fleet: Fleet
    private let trouble: DatabaseTrouble
    private let cluster: PostgresCluster
    private let backup: PostgresCluster?
    private var admin: SQLSession
    private var others: [SQLSession] = []
    private var clock = ""

    init(_ trouble: DatabaseTrouble, replicas: Int) async throws {
        self.trouble = trouble
        let few = ["max_connections=8", "superuser_reserved_connections=0"]
        cluster = try PostgresCluster(trouble == .connectionsUsedUp ? few : [])
        var hosts = "127.0.0.1:\(cluster.port)"
        // With the schema, and before any call.
        if trouble == .oldBackup {
            let first = try await Fleet(1, storeURL: cluster.url(database: "postgres"))
            try await eventually("no answer") {
                try first.get(0, "/actions/\(DemoID.pendingOrder)").status == 200
            }
            backup = try PostgresCluster(copyOf: cluster, asStandby: false)
            hosts += ",127.0.0.1:\(backup?.port ?? 0)"
        } else {
            backup = nil
        }
        fleet = try await Fleet(replicas, storeURL: "postgresql://postgres@\(hosts)/postgres")
        admin = try SQLSession(cluster.url(database: "postgres"))
    }

    func inflict() throws {
        switch trouble {
        case .connectionsUsedUp: try useUpConnections()
        case .everyStatementTakesTwoSeconds: try replaceClock("pg_sleep(2)", ahead: 0)
        case .clockWentAhead: try replaceClock("1", ahead: 3600)
        case .clockWasSetBack: try replaceClock("1", ahead: -3600)
        case .wiped: try admin.query("DROP SCHEMA status_proxy CASCADE")
        case .oldBackup:
            try cluster.stop(.immediate)
            try backup?.start()
            if let backup { admin = try SQLSession(backup.url(database: "postgres")) }
        }
    }

    /// The cause is gone. What a loss of the past has left is not.
    func end() throws {
        switch trouble {
        case .connectionsUsedUp: others = []
        case .everyStatementTakesTwoSeconds: try admin.query(clock)
        // A clock that is put right steps once more.
        case .clockWentAhead, .clockWasSetBack, .wiped, .oldBackup: break
        }
    }

    /// Time passes because the test says so.
    func letThePastNotMatterAnyMore() throws {
        try admin.query(
            "UPDATE status_proxy.meta SET noticed = noticed - 80000000000, shut_until = NULL")
    }

    /// The replicas stand still meanwhile, so that the places of their connections can be taken.
    private func useUpConnections() throws {
        fleet.replicas.forEach { $0.signal(SIGSTOP) }
        defer { fleet.replicas.forEach { $0.signal(SIGCONT) } }
        try admin.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'status-proxy'
            """)
        let url = cluster.url(database: "postgres")
        while others.count < 8, let session = try? SQLSession(url) { others.append(session) }
    }

    /// The schema asks one function for the time.
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
}
