// The file's form: marks that tell whose it is, tables, and settings of a connection.

/// Makes a connection ready: durable settings, our own file, its tables.
enum Schema {
    /// "sprx": tells this program's files from other SQLite databases.
    static let applicationID: Int64 = 0x7370_7278
    static let version: Int64 = 5
    /// Another process may be turning the same new file to its write-ahead log.
    private static let journalModeAttemptsMax = 100
    /// Tokens of two files that follow each other at one path must not meet.
    private static let firstTokens: ClosedRange<Int64> = 1...(1 << 50)

    /// Takes a file of ours, or makes an empty file ours.
    static func prepare(_ database: borrowing Database) throws(SQLiteFailure) {
        try refuseStrangers(database)
        try setJournalMode(database)
        // A grant is reported only after its commit has reached the disk.
        try database.execute("PRAGMA synchronous = FULL")
        if try isComplete(database) { return }
        try database.execute("BEGIN IMMEDIATE")
        do throws(SQLiteFailure) {
            try refuseStrangers(database)
            try create(in: database)
            try database.execute("COMMIT")
        } catch {
            if database.isInTransaction { try? database.execute("ROLLBACK") }
            throw error
        }
    }

    /// Takes a file of ours for reading, as it is.
    static func accept(_ database: borrowing Database) throws(SQLiteFailure) {
        try refuseOthers(database)
        let found = try database.number("PRAGMA user_version") ?? 0
        guard found == version || found == 0 else {
            throw .foreign("the file has schema version \(found): let the service open it first")
        }
        let calls = try database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'calls'")
        guard calls == 1 else { throw .foreign("the file holds no journal") }
    }

    private static func refuseStrangers(_ database: borrowing Database) throws(SQLiteFailure) {
        guard !database.isReadOnly else { throw .readOnly("the file or its folder is read-only") }
        try refuseOthers(database)
    }

    /// Files of other programs and of newer versions.
    private static func refuseOthers(_ database: borrowing Database) throws(SQLiteFailure) {
        let application = try database.number("PRAGMA application_id") ?? 0
        let tables = try database.number("SELECT count(*) FROM sqlite_schema") ?? 0
        guard application == applicationID || (application == 0 && tables == 0) else {
            throw .foreign("the file is a database of another program")
        }
        let found = try database.number("PRAGMA user_version") ?? 0
        guard found <= version else {
            throw .newerSchema(
                "the file has schema version \(found), newer than this program's \(version)")
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

    /// Then opening writes nothing, and works on a full disk.
    private static func isComplete(_ database: borrowing Database) throws(SQLiteFailure) -> Bool {
        let found = try database.number(
            """
            SELECT count(*) FROM sqlite_schema
            WHERE name IN ('meta', 'looks', 'calls', 'calls_by_end', 'sources', 'call_counts',
                'call_entered', 'call_moved', 'call_dropped')
            """)
        let current = try database.number("PRAGMA user_version")
        return found == 9 && current == version
    }

    private static func create(in database: borrowing Database) throws(SQLiteFailure) {
        try database.execute(tables)
        try database.execute(counts)
        try add("breaker_until", to: "sources", in: database)
        try add("noticed", to: "meta", in: database)
        for column in ["not_found_since", "not_found_since_wall"] {
            try add(column, to: "looks", in: database)
        }
        try add("spelling", "TEXT", to: "looks", in: database)
        try add("not_found", to: "calls", in: database)
        try add("holder", "TEXT", to: "calls", in: database)
        try database.execute(shares)
        for column in ["min_interval", "flight_max", "per_minute", "per_day"] {
            try add(column, to: "calls", in: database)
        }
        try database.execute("PRAGMA application_id = \(applicationID)")
        try database.execute("PRAGMA user_version = \(version)")
        try database.execute(
            """
            INSERT INTO sqlite_sequence (name, seq) SELECT 'calls', \(Int64.random(in: firstTokens))
            WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'calls')
            """)
    }

    /// Files of versions 1 and 2 know no breaker, those up to 3 do not tell of trouble, those up to 4
    /// not under which rules a call was granted. A program of these that still runs leaves the columns alone.
    private static func add(
        _ column: String, _ type: String = "INTEGER", to table: String,
        in database: borrowing Database
    ) throws(SQLiteFailure) {
        let columns = try database.number(
            "SELECT count(*) FROM pragma_table_info('\(table)') WHERE name = '\(column)'")
        guard columns == 0 else { return }
        try database.execute("ALTER TABLE \(table) ADD COLUMN \(column) \(type)")
    }

    /// An id is kept in its canonical form, and a `spelling` if it was first asked for in another.
    /// Times are nanoseconds of the store's clock, `…_wall` milliseconds since
    /// 1970. The one wide column stands last, so that narrow reads do not follow its pages.
    private static let tables = """
        CREATE TABLE IF NOT EXISTS meta (
            one INTEGER PRIMARY KEY CHECK (one = 1),
            epoch INTEGER NOT NULL,
            revision INTEGER NOT NULL,
            boot_id TEXT,
            clock_offset INTEGER NOT NULL,
            last_time INTEGER NOT NULL,
            noticed INTEGER
        ) STRICT;
        CREATE TABLE IF NOT EXISTS looks (
            source TEXT NOT NULL,
            id TEXT NOT NULL,
            first_seen INTEGER NOT NULL,
            first_seen_wall INTEGER NOT NULL,
            opens INTEGER NOT NULL,
            token INTEGER,
            known INTEGER NOT NULL,
            news_token INTEGER,
            miss_kind TEXT,
            miss_http_status INTEGER,
            miss_code TEXT,
            miss_message TEXT,
            miss_repeats INTEGER,
            miss_ended INTEGER,
            miss_ended_wall INTEGER,
            not_found_since INTEGER,
            not_found_since_wall INTEGER,
            spelling TEXT,
            answer_status TEXT,
            answer_done INTEGER,
            answer_created_wall INTEGER,
            answer_checked_wall INTEGER,
            answer_told INTEGER,
            answer_bytes BLOB,
            PRIMARY KEY (source, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE IF NOT EXISTS calls (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL,
            id TEXT NOT NULL,
            before INTEGER,
            reserved INTEGER NOT NULL,
            reserved_wall INTEGER NOT NULL,
            ended INTEGER NOT NULL,
            state INTEGER NOT NULL,
            unknown INTEGER NOT NULL,
            sent INTEGER,
            outcome TEXT,
            not_found INTEGER,
            holder TEXT
        ) STRICT;
        CREATE INDEX IF NOT EXISTS calls_by_end ON calls (source, ended, unknown);
        CREATE TABLE IF NOT EXISTS sources (
            source TEXT PRIMARY KEY,
            paused_until INTEGER,
            smallest_gap INTEGER,
            breaker_until INTEGER
        ) STRICT, WITHOUT ROWID;
        """

    /// Parts of the share of unknown ids: small enough to be walked.
    private static let shares = """
        CREATE INDEX IF NOT EXISTS not_found_calls_by_end ON calls (source, ended)
            WHERE not_found = 1;
        CREATE INDEX IF NOT EXISTS holders_calls_by_end ON calls (source, holder, ended)
            WHERE holder IS NOT NULL;
        """

    /// Calls by the period of their end (version 2). Triggers keep them in step with the calls,
    /// whichever process writes; they are counted anew here, for files that had none.
    private static let counts = """
        CREATE TABLE IF NOT EXISTS call_counts (
            source TEXT NOT NULL,
            period INTEGER NOT NULL,
            unknown INTEGER NOT NULL,
            calls INTEGER NOT NULL,
            PRIMARY KEY (source, period, unknown)
        ) STRICT, WITHOUT ROWID;
        CREATE TRIGGER IF NOT EXISTS call_entered AFTER INSERT ON calls BEGIN
            \(countEnd("NEW"));
        END;
        CREATE TRIGGER IF NOT EXISTS call_moved AFTER UPDATE OF ended ON calls
        WHEN NEW.ended >> \(shift) <> OLD.ended >> \(shift) BEGIN
            \(discountEnd("OLD"));
            \(countEnd("NEW"));
        END;
        CREATE TRIGGER IF NOT EXISTS call_dropped AFTER DELETE ON calls BEGIN
            \(discountEnd("OLD"));
        END;
        DELETE FROM call_counts;
        INSERT INTO call_counts
            SELECT source, ended >> \(shift), unknown, count(*) FROM calls GROUP BY 1, 2, 3;
        """

    private static let shift = CallPeriod.shift

    private static func countEnd(_ row: String) -> String {
        """
        INSERT INTO call_counts
            VALUES (\(row).source, \(row).ended >> \(shift), \(row).unknown, 1)
            ON CONFLICT (source, period, unknown) DO UPDATE SET calls = calls + 1
        """
    }

    private static func discountEnd(_ row: String) -> String {
        """
        UPDATE call_counts SET calls = calls - 1 WHERE source = \(row).source
            AND period = \(row).ended >> \(shift) AND unknown = \(row).unknown;
        DELETE FROM call_counts WHERE calls = 0 AND source = \(row).source
            AND period = \(row).ended >> \(shift) AND unknown = \(row).unknown
        """
    }
}
