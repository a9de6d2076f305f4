// All SQL of transactions, prepared once per connection.

/// Parameters are numbered in the order in which `SQLiteRows` gives them.
struct Statements: ~Copyable {
    let entries: Statement
    let keepEntry: Statement
    let dropEntry: Statement
    let document: Statement
    let keepDocument: Statement
    let dropDocument: Statement
    let source: Statement
    let sourceNames: Statement
    let keepSource: Statement
    let hasCall: Statement
    let addCall: Statement
    let addCompletion: Statement
    let completed: Statement
    let dataVersion: Statement
    let meta: Statement
    let keepMeta: Statement
}

extension Statements {
    init(_ database: borrowing Database) throws(SQLiteFailure) {
        let entries = try database.prepare("\(SQLiteRows.entriesSQL) WHERE id = ?1")
        let columns = SQLiteRows.entryColumns
        let keepEntry = try database.prepare(
            """
            INSERT INTO entries (\(columns.joined(separator: ", ")))
            VALUES (\((1...columns.count).map { "?\($0)" }.joined(separator: ", ")))
            ON CONFLICT (id, source) DO UPDATE SET
                \(columns.dropFirst(2).map { "\($0) = excluded.\($0)" }.joined(separator: ", "))
            """)
        let dropEntry = try database.prepare("DELETE FROM entries WHERE id = ?1 AND source = ?2")
        let document = try database.prepare(
            """
            SELECT status, done, created_wall, bytes FROM documents
            WHERE id = ?1 AND source = ?2
            """)
        // An unchanged state is not written again.
        let keepDocument = try database.prepare(
            """
            INSERT INTO documents (id, source, status, done, created_wall, bytes)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (id, source) DO UPDATE SET
                status = excluded.status, done = excluded.done,
                created_wall = excluded.created_wall, bytes = excluded.bytes
            WHERE bytes <> excluded.bytes OR status <> excluded.status
                OR done <> excluded.done OR created_wall IS NOT excluded.created_wall
            """)
        let dropDocument = try database.prepare(
            "DELETE FROM documents WHERE id = ?1 AND source = ?2")
        let source = try database.prepare(
            """
            SELECT paused_until, breaker_until, smallest_gap, calls FROM sources
            WHERE source = ?1
            """)
        let sourceNames = try database.prepare("SELECT source FROM sources")
        let keepSource = try database.prepare(
            """
            INSERT INTO sources (source, paused_until, breaker_until, smallest_gap, calls)
            VALUES (?1, ?2, ?3, ?4, ?5)
            ON CONFLICT (source) DO UPDATE SET
                paused_until = excluded.paused_until, breaker_until = excluded.breaker_until,
                smallest_gap = excluded.smallest_gap, calls = excluded.calls
            """)
        let hasCall = try database.prepare("SELECT 1 FROM calls WHERE token = ?1")
        let addCall = try database.prepare(
            """
            INSERT INTO calls
                (token, source, id, reserved, reserved_wall, ends, unknown, not_found, holder,
                min_interval, flight_max, per_minute, per_day)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
            """)
        // The first completion counts, since it may be repeated.
        let addCompletion = try database.prepare(
            """
            INSERT INTO completions (token, revision, id, state, ended, sent, outcome)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (token) DO NOTHING
            """)
        let completed = try database.prepare(
            "SELECT token, id FROM completions WHERE revision > ?1")
        let dataVersion = try database.prepare("PRAGMA data_version")
        let meta = try database.prepare(
            """
            SELECT epoch, revision, token, boot_id, clock_offset, last_time, loss_detected FROM meta
            WHERE one = 1
            """)
        let keepMeta = try database.prepare(
            """
            INSERT INTO meta (one, epoch, revision, token, boot_id, clock_offset, last_time, loss_detected)
            VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT (one) DO UPDATE SET
                epoch = excluded.epoch, revision = excluded.revision, token = excluded.token,
                boot_id = excluded.boot_id, clock_offset = excluded.clock_offset,
                last_time = excluded.last_time, loss_detected = excluded.loss_detected
            """)
        // All at once, since a noncopyable value cannot be partly initialised when preparing fails.
        self.init(
            entries: entries, keepEntry: keepEntry, dropEntry: dropEntry, document: document,
            keepDocument: keepDocument, dropDocument: dropDocument, source: source,
            sourceNames: sourceNames, keepSource: keepSource, hasCall: hasCall, addCall: addCall,
            addCompletion: addCompletion, completed: completed, dataVersion: dataVersion,
            meta: meta, keepMeta: keepMeta)
    }
}
