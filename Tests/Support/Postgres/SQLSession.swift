// A blocking connection with which tests inspect a database and cause faults in it.

import CPostgres
import Foundation

/// `@unchecked Sendable`: the connection is only used under `lock`.
public final class SQLSession: @unchecked Sendable {
    private let handle: OpaquePointer
    private let lock = NSLock()

    public init(_ url: String) throws {
        guard let made = PQconnectdb(url) else {
            throw PostgresCluster.Failure(description: "libpq is out of memory")
        }
        guard PQstatus(made) == CONNECTION_OK else {
            let message = String(cString: PQerrorMessage(made))
            PQfinish(made)
            throw PostgresCluster.Failure(description: message)
        }
        handle = made
        cpostgres_drop_notices(made)
    }

    deinit { PQfinish(handle) }

    /// Runs commands, and returns the first column of the last one's rows.
    @discardableResult
    public func query(_ sql: String) throws -> [String?] {
        lock.lock()
        defer { lock.unlock() }
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        guard [PGRES_TUPLES_OK, PGRES_COMMAND_OK].contains(PQresultStatus(result)) else {
            throw PostgresCluster.Failure(description: String(cString: PQerrorMessage(handle)))
        }
        return (0..<PQntuples(result)).map { row in
            PQgetisnull(result, row, 0) == 1 ? nil : String(cString: PQgetvalue(result, row, 0))
        }
    }

    /// The first row's first column.
    public func value(_ sql: String) throws -> String? { try query(sql).first ?? nil }
}

extension SQLSession {
    /// Makes replicas send no notifications from now on.
    public func loseNotifications() throws {
        try query(
            """
            CREATE OR REPLACE FUNCTION status_proxy.notify(p_sender text, p_ids text[]) RETURNS void
            LANGUAGE plpgsql VOLATILE AS 'BEGIN END'
            """)
    }
}
