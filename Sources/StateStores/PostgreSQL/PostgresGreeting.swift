// What is said once on a new connection: settings, and the schema made or checked.

internal import CPostgres
internal import StatusCore

enum PostgresGreeting {
    /// The schema that `CPostgres/schema` makes. Raise it there, too.
    static let version: Int64 = 2

    /// One that listens finds the schema made: its session has a connection already.
    static func say(
        on connection: borrowing PostgresConnection, limits: PostgresLimits, listens: Bool
    ) throws(PostgresFailure) {
        let span = limits.statementMax
        _ = try connection.execute(settings(limits), within: span)
        if !listens { try prepareSchema(connection, span) }
        try connection.startPipeline()
    }

    /// What roles and databases may have set otherwise, and the rules rely on: see `CPostgres/schema`.
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

    private static func prepareSchema(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) {
        if try layout(connection, span)?.version ?? 0 < version {
            try make(connection, span)
        }
        guard let found = try layout(connection, span) else {
            throw .wrongSchema("the schema status_proxy has no version")
        }
        guard found.usableFrom <= version else {
            throw .wrongSchema(
                "the schema status_proxy has version \(found.version), and needs a newer program")
        }
    }

    /// Nil when there is no schema, or an empty one.
    private static func layout(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) -> (version: Int64, usableFrom: Int64)? {
        do throws(PostgresFailure) {
            let result = try connection.execute(
                "SELECT version::text, usable_from::text FROM status_proxy.layout", within: span)
            guard let row = result.rows.first, let version = row.text(0).flatMap({ Int64($0) }),
                let usableFrom = row.text(1).flatMap({ Int64($0) })
            else { return nil }
            return (version, usableFrom)
        } catch .refused(let state, _) where ["3F000", "42P01"].contains(state) {
            return nil
        } catch .refused("42501", let message) {
            throw .wrongSchema("\(message): grant the role what the README says")
        }
    }

    /// Replicas that come together wait for each other, and the first makes it for all: made anew beside
    /// their decisions, it would take their locks in another order.
    private static func make(
        _ connection: borrowing PostgresConnection, _ span: Duration
    ) throws(PostgresFailure) {
        do throws(PostgresFailure) {
            _ = try connection.execute(String(cString: cpostgres_schema_lock()), within: span * 2)
            let isMade = try layout(connection, span)?.version ?? 0 >= version
            let rest = isMade ? "COMMIT" : String(cString: cpostgres_schema())
            _ = try connection.execute(rest, within: span * 2)
        } catch .refused("42501", let message) {
            throw .wrongSchema(
                "\(message), and the schema status_proxy is missing or older than this program:"
                    + " have the database's owner run the files of its schema folder")
        }
    }

    /// All files of the schema folder.
    static var schema: String {
        String(cString: cpostgres_schema_lock()) + String(cString: cpostgres_schema())
    }
}
