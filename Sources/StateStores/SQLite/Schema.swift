// The file's format: its marks, its tables, and the settings of a connection.

internal import Glibc

/// Prepares a connection: durable settings, the check of the file, its tables.
enum Schema {
    /// "sprx" with a high bit: distinguishes this program's files from other SQLite databases.
    static let applicationID: Int64 = 0x7370_7279
    static let version: Int64 = 1
    /// Another process may be switching the same new file to its write-ahead log.
    private static let journalModeAttemptsMax = 100

    /// Accepts a store's file, or makes an empty file one.
    static func prepare(_ database: borrowing Database) throws(SQLiteFailure) {
        try refuseStrangers(database)
        try setJournalMode(database)
        // A grant is reported only after its commit has reached the disk.
        try database.execute("PRAGMA synchronous = FULL")
        if try isComplete(database) { return }
        try database.execute("BEGIN IMMEDIATE")
        do throws(SQLiteFailure) {
            try refuseStrangers(database)
            try database.execute(tables)
            try database.execute("PRAGMA application_id = \(applicationID)")
            try database.execute("PRAGMA user_version = \(version)")
            try database.execute("COMMIT")
        } catch {
            if database.isInTransaction { try? database.execute("ROLLBACK") }
            throw error
        }
    }

    /// Accepts a store's file for reading, unchanged.
    static func accept(_ database: borrowing Database) throws(SQLiteFailure) {
        try refuseOthers(database)
        let calls = try database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'calls'")
        guard calls == 1 else { throw .foreign("the file holds no journal") }
    }

    /// Whether a store's file, or an empty one, has its tables.
    static func isThere(in database: borrowing Database) throws(SQLiteFailure) -> Bool {
        try refuseOthers(database)
        return try isComplete(database)
    }

    private static func refuseStrangers(_ database: borrowing Database) throws(SQLiteFailure) {
        guard !database.isReadOnly else { throw .readOnly("the file or its folder is read-only") }
        try refuseOthers(database)
    }

    /// Refuses files of other programs, and of versions with other tables.
    private static func refuseOthers(_ database: borrowing Database) throws(SQLiteFailure) {
        let application = try database.number("PRAGMA application_id") ?? 0
        let tables = try database.number("SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else {
            throw .foreign("the file is a database of another program")
        }
        let found = try database.number("PRAGMA user_version") ?? 0
        guard found == version || found == 0 else {
            throw .otherSchema(
                "the file has schema version \(found), and this program works with \(version) only")
        }
    }

    private static func setJournalMode(_ database: borrowing Database) throws(SQLiteFailure) {
        for attempt in 1...journalModeAttemptsMax {
            do throws(SQLiteFailure) {
                let mode = try database.text("PRAGMA journal_mode = WAL")
                guard mode == "wal" else {
                    throw .failed("no write-ahead log on this file system (\(mode ?? "none"))")
                }
                return
            } catch .locked(let text) {
                guard attempt < journalModeAttemptsMax else { throw .locked(text) }
                Pause.briefly()
            }
        }
    }

    /// Whether the file has all its tables. Then opening it writes nothing, and works on a full disk.
    private static func isComplete(_ database: borrowing Database) throws(SQLiteFailure) -> Bool {
        let found = try database.number(
            """
            SELECT count(*) FROM sqlite_schema
            WHERE name IN ('meta', 'entries', 'documents', 'sources', 'calls', 'completions',
                'completions_by_revision')
            """)
        let current = try database.number("PRAGMA user_version")
        return found == 7 && current == version
    }

    /// An id is stored in its canonical form, with a `spelling` if it was first requested in another.
    /// Times are nanoseconds of the store's clock, `…_wall` milliseconds since 1970. Documents are
    /// separate from their entries, and a source's counts are bytes of `CallCounts`. `calls` and
    /// `completions` are the journal: lines are added and dropped, never changed, and no decision reads
    /// them.
    private static let tables = """
        CREATE TABLE IF NOT EXISTS meta (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            epoch INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            token INTEGER NOT NULL,
            boot_id TEXT,
            clock_offset INTEGER NOT NULL,
            last_time INTEGER NOT NULL,
            loss_detected INTEGER
        ) STRICT;
        CREATE TABLE IF NOT EXISTS entries (
            id TEXT NOT NULL,
            source TEXT NOT NULL,
            spelling TEXT,
            first_seen INTEGER NOT NULL,
            first_seen_wall INTEGER NOT NULL,
            opens INTEGER NOT NULL,
            known INTEGER NOT NULL,
            lease_token INTEGER,
            lease_reserved INTEGER,
            lease_ends INTEGER,
            lease_state INTEGER,
            lease_unknown INTEGER,
            lease_not_found INTEGER,
            lease_holder TEXT,
            last_end INTEGER,
            observation_time INTEGER,
            observation_token INTEGER,
            answer_done INTEGER,
            answer_checked_wall INTEGER,
            answer_time INTEGER,
            negative_kind TEXT,
            negative_http_status INTEGER,
            negative_code TEXT,
            negative_message TEXT,
            negative_repeats INTEGER,
            negative_ended INTEGER,
            negative_ended_wall INTEGER,
            not_found_since INTEGER,
            not_found_since_wall INTEGER,
            PRIMARY KEY (id, source)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS documents (
            id TEXT NOT NULL,
            source TEXT NOT NULL,
            status TEXT NOT NULL,
            done INTEGER NOT NULL,
            created_wall INTEGER,
            bytes BLOB NOT NULL,
            PRIMARY KEY (id, source)
        ) STRICT;
        CREATE TABLE IF NOT EXISTS sources (
            source TEXT PRIMARY KEY,
            paused_until INTEGER,
            breaker_until INTEGER,
            smallest_gap INTEGER,
            calls BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS calls (
            token INTEGER PRIMARY KEY,
            source TEXT NOT NULL,
            id TEXT NOT NULL,
            reserved INTEGER NOT NULL,
            reserved_wall INTEGER NOT NULL,
            ends INTEGER NOT NULL,
            unknown INTEGER NOT NULL,
            not_found INTEGER NOT NULL,
            holder TEXT,
            min_interval INTEGER,
            flight_max INTEGER,
            per_minute INTEGER,
            per_day INTEGER
        ) STRICT;
        CREATE TABLE IF NOT EXISTS completions (
            token INTEGER PRIMARY KEY,
            revision INTEGER NOT NULL,
            id TEXT NOT NULL,
            state INTEGER NOT NULL,
            ended INTEGER,
            sent INTEGER,
            outcome TEXT NOT NULL
        ) STRICT;
        CREATE INDEX IF NOT EXISTS completions_by_revision ON completions (revision);
        """
}

enum Pause {
    /// 10 ms, on the store's own queue.
    static func briefly() { usleep(10_000) }
}
