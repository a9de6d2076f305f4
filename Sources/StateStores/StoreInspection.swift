// Checks whether a service can start on a store, without changing it.

public import StatusCore

public enum StoreInspection: Sendable, Equatable {
    /// There is a store of this version.
    case found
    /// There is none yet; the first start can create it.
    case absent

    /// - Throws: why no service can start on that file.
    public static func sqlite(path: String) throws(StoreFailure) -> StoreInspection {
        if let fault = StoreFiles.fault(path) { throw .unavailable(fault) }
        guard let place = StoreFiles.resolve(path), FileIdentity(place) != nil else {
            return .absent
        }
        do throws(SQLiteFailure) {
            let database = try Database(
                path: place, for: .reading, lockWaitMilliseconds: SQLiteLimits.readingWait)
            return try Schema.isThere(in: database) ? .found : .absent
        } catch {
            throw .unavailable(error.text)
        }
    }

    /// - Throws: why no service can start on that database.
    public static func postgres(_ url: PostgresURL) throws(StoreFailure) -> StoreInspection {
        do throws(PostgresFailure) {
            let connection = try PostgresConnection(url)
            let span = PostgresLimits().statementMax
            return try PostgresGreeting.inspect(connection, span) ? .found : .absent
        } catch {
            throw .unavailable(url.hideSecrets(in: error.text))
        }
    }
}
