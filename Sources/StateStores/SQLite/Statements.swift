// All SQL that runs in transactions, prepared once per connection.

/// Parameters are numbered in the order in which `SQLiteRows` gives them.
struct Statements: ~Copyable {
    let look: Statement
    let known: Statement
    let addLook: Statement
    let moveGate: Statement
    let keepNews: Statement
    let addCall: Statement
    let enterAgain: Statement
    let call: Statement
    let keepEnd: Statement
    let dataVersion: Statement
    let ended: Statement
    let callCount: Statement
    let periods: Statement
    let callEnd: Statement
    let notFoundCallEnd: Statement
    let holdersCallEnd: Statement
    let source: Statement
    let keepSource: Statement
    let meta: Statement
    let keepMeta: Statement
    let skipTokens: Statement
}

extension Statements {
    init(_ database: borrowing Database) throws(SQLiteFailure) {
        let periodShift = CallPeriod.shift
        let look = try database.prepare(
            """
            SELECT first_seen, first_seen_wall, opens, token, known, news_token,
                miss_kind, miss_http_status, miss_code, miss_message, miss_repeats,
                miss_ended, miss_ended_wall,
                answer_status, answer_done, answer_created_wall, answer_checked_wall,
                answer_told, answer_bytes, not_found_since, not_found_since_wall, spelling
            FROM looks WHERE source = ?1 AND id = ?2
            """)
        let known = try database.prepare("SELECT known FROM looks WHERE source = ?1 AND id = ?2")
        let addLook = try database.prepare(
            """
            INSERT INTO looks
                (source, id, first_seen, first_seen_wall, opens, token, known, spelling)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)
            """)
        let moveGate = try database.prepare(
            "UPDATE looks SET opens = ?3, token = ?4 WHERE source = ?1 AND id = ?2")
        let keepNews = try database.prepare(
            """
            UPDATE looks SET opens = ?3, known = ?4, news_token = ?5,
                miss_kind = ?6, miss_http_status = ?7, miss_code = ?8, miss_message = ?9,
                miss_repeats = ?10, miss_ended = ?11, miss_ended_wall = ?12,
                answer_status = ?13, answer_done = ?14, answer_created_wall = ?15,
                answer_checked_wall = ?16, answer_told = ?17, answer_bytes = ?18,
                not_found_since = ?19, not_found_since_wall = ?20
            WHERE source = ?1 AND id = ?2
            """)
        let addCall = try database.prepare(
            """
            INSERT INTO calls
                (source, id, before, reserved, reserved_wall, ended, state, unknown, not_found,
                holder, min_interval, flight_max, per_minute, per_day)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) RETURNING seq
            """)
        let enterAgain = try database.prepare(
            """
            INSERT INTO calls
                (source, id, seq, before, reserved, reserved_wall, ended, state, unknown, sent,
                outcome, min_interval, flight_max, per_minute, per_day)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
            ON CONFLICT (seq) DO NOTHING
            """)
        let call = try database.prepare(
            "SELECT \(SQLiteRows.callColumns) FROM calls WHERE seq = ?1")
        let keepEnd = try database.prepare(
            "UPDATE calls SET ended = ?2, state = ?3, sent = ?4, outcome = ?5 WHERE seq = ?1")
        let dataVersion = try database.prepare("PRAGMA data_version")
        let ended = try database.prepare(
            "SELECT seq, id FROM calls WHERE source = ?1 AND ended >= ?2 AND state = ?3")
        let callCount = try database.prepare(
            """
            SELECT
                (SELECT count(*) FROM calls
                    WHERE source = ?1 AND ended > ?2 AND ended < (?3 + 1) << \(periodShift))
                + (SELECT ifnull(sum(calls), 0) FROM call_counts
                    WHERE source = ?1 AND period > ?3)
            """)
        let periods = try database.prepare(
            """
            SELECT period, sum(calls) FROM call_counts WHERE source = ?1 AND unknown >= ?2
            GROUP BY period ORDER BY period DESC
            """)
        let callEnd = try database.prepare(
            """
            SELECT ended FROM calls WHERE source = ?1 AND unknown >= ?2
                AND ended >= ?3 << \(periodShift) AND ended < (?3 + 1) << \(periodShift)
            ORDER BY ended DESC LIMIT 1 OFFSET ?4
            """)
        let notFoundCallEnd = try database.prepare(
            """
            SELECT ended FROM calls WHERE source = ?1 AND not_found = 1
            ORDER BY ended DESC LIMIT 1 OFFSET ?2
            """)
        let holdersCallEnd = try database.prepare(
            """
            SELECT ended FROM calls WHERE source = ?1 AND holder = ?3
            ORDER BY ended DESC LIMIT 1 OFFSET ?2
            """)
        let source = try database.prepare(
            "SELECT paused_until, breaker_until, smallest_gap FROM sources WHERE source = ?1")
        let keepSource = try database.prepare(
            """
            INSERT INTO sources (source, paused_until, breaker_until, smallest_gap)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (source) DO UPDATE SET
                paused_until = excluded.paused_until, breaker_until = excluded.breaker_until,
                smallest_gap = excluded.smallest_gap
            """)
        let meta = try database.prepare(
            """
            SELECT epoch, revision, boot_id, clock_offset, last_time, noticed FROM meta
            WHERE one = 1
            """)
        let keepMeta = try database.prepare(
            """
            INSERT INTO meta (one, epoch, revision, boot_id, clock_offset, last_time, noticed)
            VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (one) DO UPDATE SET
                epoch = excluded.epoch, revision = excluded.revision,
                boot_id = excluded.boot_id, clock_offset = excluded.clock_offset,
                last_time = excluded.last_time, noticed = excluded.noticed
            """)
        let skipTokens = try database.prepare(
            "UPDATE sqlite_sequence SET seq = max(seq, ?1) + ?2 WHERE name = 'calls'")
        // All at once: a noncopyable value cannot be left half made when preparing fails.
        self.init(
            look: look, known: known, addLook: addLook, moveGate: moveGate, keepNews: keepNews,
            addCall: addCall, enterAgain: enterAgain, call: call, keepEnd: keepEnd,
            dataVersion: dataVersion, ended: ended, callCount: callCount, periods: periods,
            callEnd: callEnd, notFoundCallEnd: notFoundCallEnd, holdersCallEnd: holdersCallEnd,
            source: source,
            keepSource: keepSource, meta: meta,
            keepMeta: keepMeta, skipTokens: skipTokens)
    }
}
