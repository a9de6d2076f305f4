// Initialises a new connection: applies settings, creates or checks the schema, and identifies the
// server.

internal import CPostgres
internal import StatusCore

/// Identifies the data that a connection writes to. No connection outlives a change of these: the
/// cluster, its timeline (which changes with every promotion and every recovery to a point in
/// time), the database, and the server's start. A value that the role may not read counts as '?'.
struct PostgresServer: Sendable {
    var cluster: String
    var timeline: String
    var database: String
    var start: String

    /// `table` is the identity of the table `meta`, which changes with a restore from a dump.
    func home(table: Int64) -> String { "\(cluster)/\(timeline)/\(database)/\(table)" }
}

enum PostgresGreeting {
    /// The schema version that `CPostgres/schema.sql` creates.
    static let version: Int64 = 1

    /// A listening connection finds the schema created, since its session has a connection already.
    static func say(
        on connection: borrowing PostgresConnection, limits: PostgresLimits, listens: Bool
    ) throws(PostgresFailure) -> PostgresServer {
        let span = limits.statementMax
        _ = try connection.execute(settings(limits), within: span)
        if !listens { try prepareSchema(connection, span) }
        let server = PostgresServer(
            cluster: try word(
                "SELECT system_identifier::text FROM pg_control_system()", connection, span),
            timeline: try word(
                "SELECT substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8)", connection,
                span),
            database: try word(
                "SELECT oid::text FROM pg_database WHERE datname = current_database()", connection,
                span),
            start: try word(
                "SELECT extract(epoch FROM pg_postmaster_start_time())::text", connection, span))
        try connection.startPipeline()
        return server
    }

    private static func word(
        _ sql: String, _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> String {
        do throws(PostgresFailure) {
            return try connection.execute(sql, within: span).rows.first?.text(0) ?? "?"
        } catch .refused {
            return "?"
        }
    }

    /// Settings that roles and databases may have changed, and on which the writing of a decision
    /// relies: it waits for the previous one, and then sees its revision (read committed).
    private static func settings(_ limits: PostgresLimits) -> String {
        """
        SET statement_timeout = \(limits.statementMax.nanoseconds / 1_000_000);
        SET default_transaction_isolation = 'read committed';
        SET search_path = pg_catalog;
        SET jit = off;
        SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') = 'off'
        """
    }

    // MARK: The schema

    private enum Layout {
        case none
        case version(Int64)
        /// There are tables, but no version.
        case foreign
    }

    private static func prepareSchema(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) {
        if try isMade(connection, span) { return }
        try make(connection, span)
        guard try isMade(connection, span) else { throw foreign }
    }

    /// False: there is no schema, and this role may create it.
    static func inspect(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> Bool {
        let isMade = try isMade(connection, span)
        let may = try connection.execute(isMade ? mayUse : mayMake, within: span)
        guard may.rows.first?.text(0) == "true" else {
            throw .wrongSchema(
                isMade
                    ? "the role may not read and write the tables of the schema status_proxy: "
                        + grantAdvice
                    : "the role may not create the schema status_proxy: \(makeAdvice)")
        }
        return isMade
    }

    private static let mayMake =
        "SELECT has_database_privilege(current_database(), 'CREATE')::text"
    /// Checks the grants of docs/replicas.md.
    private static let mayUse = """
        SELECT bool_and(has_table_privilege(c.oid, p))::text
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) p
        WHERE n.nspname = 'status_proxy' AND c.relkind = 'r'
        """
    private static let grantAdvice = "grant the role what docs/replicas.md says"
    private static let makeAdvice = "have the database's owner run schema.sql"
    private static let foreign =
        PostgresFailure.wrongSchema("the schema status_proxy was created by another program")

    /// False: there is no schema.
    private static func isMade(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> Bool {
        switch try layout(connection, span) {
        case .none: return false
        case .version(version): return true
        case .version(let found):
            throw .wrongSchema(
                "the schema status_proxy has version \(found), and this program works with"
                    + " \(version) only")
        case .foreign: throw foreign
        }
    }

    private static func layout(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> Layout {
        if let layout = try versionedLayout(connection, span) { return layout }
        let result = try connection.execute(
            """
            SELECT count(*)::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = 'status_proxy'
            """, within: span)
        guard result.rows.first?.text(0) != "0" else { return .none }
        // Another replica may have created it between the two queries.
        return try versionedLayout(connection, span) ?? .foreign
    }

    /// Nil: there is no table of versions.
    private static func versionedLayout(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> Layout? {
        do throws(PostgresFailure) {
            let result = try connection.execute(
                "SELECT max(version)::text FROM status_proxy.schema_version", within: span)
            let version = result.rows.first?.text(0).flatMap { Int64($0) }
            return version.map { .version($0) } ?? .foreign
        } catch .refused(let state, _) where ["3F000", "42P01"].contains(state) {
            return nil
        } catch .refused("42501", let message) {
            throw .wrongSchema("\(message): \(grantAdvice)")
        }
    }

    /// In one transaction. If several replicas start together, one creates the schema, and the
    /// others wait for it.
    private static func make(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) {
        do throws(PostgresFailure) {
            _ = try connection.execute(schema, within: span * 2)
        } catch .refused("42501", let message) {
            throw .wrongSchema(
                "\(message), and there is no schema status_proxy: \(makeAdvice)")
        } catch .refused(let state, let message) {
            guard case .version = try layout(connection, span) else {
                throw .refused(state: state, message)
            }
        }
    }

    static var schema: String { String(cString: cpostgres_schema()) }
}
