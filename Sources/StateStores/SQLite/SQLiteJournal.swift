// Reads the journal in a SQLite file, beside the processes that write it.

public import StatusCore

/// Reads a store's file without changing it, whether or not a service is using it.
public struct SQLiteJournal: CallJournal {
    private let path: String

    public init(path: String) { self.path = StoreFiles.resolve(path) ?? path }

    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read { database throws(SQLiteFailure) in
            let calls = try database.prepare(SQLiteRows.journalSQL)
            try calls.forEach { row in
                if let call = SQLiteRows.call(row) { body(call) }
                return true
            }
        }
    }

    public func smallestGaps() throws(StoreFailure) -> [Source: Duration] {
        var gaps: [Source: Duration] = [:]
        try read { database throws(SQLiteFailure) in
            let sources = try database.prepare("SELECT source, smallest_gap FROM sources")
            try sources.forEach { row in
                guard let source = row.text(0).flatMap({ Source($0) }) else { return true }
                gaps[source] = row.integer(1).map { .nanoseconds($0) }
                return true
            }
        }
        return gaps
    }

    /// Uses a new connection for each reading, since the file may have been replaced.
    private func read(
        _ body: (borrowing Database) throws(SQLiteFailure) -> Void
    ) throws(StoreFailure) {
        do throws(SQLiteFailure) {
            let database = try Database(
                path: path, for: .reading, lockWaitMilliseconds: SQLiteLimits.readingWait)
            try Schema.accept(database)
            try body(database)
        } catch {
            throw .unavailable("\(path): \(error.text)")
        }
    }
}
