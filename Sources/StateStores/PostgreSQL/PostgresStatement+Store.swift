// The statements of the shared store: readings, the one that writes a decision, and others.

import StatusCore

extension PostgresStatement {
    // MARK: readings

    /// The store's identity and time. Read first, so that newer rows make the write fail.
    static let meta = PostgresStatement(
        name: "meta",
        sql: """
            SELECT m.epoch, m.revision, m.token, m.clock_offset, m.last_time, m.home, m.server_start,
                m.start_revision, m.loss_detected, m.barrier, to_regclass('status_proxy.meta')::oid::bigint,
                status_proxy.clock()
            FROM (VALUES (1)) one LEFT JOIN status_proxy.meta m ON true
            """, values: [])

    static func entries(_ ids: [ActionID]) -> PostgresStatement {
        PostgresStatement(
            name: "entries",
            sql: """
                SELECT \(StoredEntry.columns) FROM status_proxy.entries WHERE id = ANY ($1::text[])
                """,
            values: [.array(ids.map(\.canonical))])
    }

    static func documents(_ ids: [ActionID]) -> PostgresStatement {
        PostgresStatement(
            name: "documents", sql: "\(documentsSQL) WHERE id = ANY ($1::text[])",
            values: [.array(ids.map(\.canonical))])
    }

    static func documents(of keys: [EntryKey]) -> PostgresStatement {
        PostgresStatement(
            name: "documents_of",
            sql: """
                \(documentsSQL)
                WHERE (id, source) IN (SELECT * FROM unnest($1::text[], $2::text[]))
                """,
            values: [.array(keys.map(\.id.canonical)), .array(keys.map(\.source.name))])
    }

    private static let documentsSQL =
        "SELECT id, source, status, done, created_wall, bytes FROM status_proxy.documents"

    static let sources = PostgresStatement(
        name: "sources",
        sql: """
            SELECT source, paused_until, breaker_until, smallest_gap, calls
            FROM status_proxy.sources
            """, values: [])

    /// The revision, and the calls that were completed after `since`.
    static func changes(since revision: Int64?) -> PostgresStatement {
        PostgresStatement(
            name: "changes",
            sql: """
                SELECT m.revision, f.token, f.id FROM status_proxy.meta m
                LEFT JOIN status_proxy.completions f ON f.revision > $1::bigint
                """,
            values: [.integer(revision)])
    }

    static func calls(_ tokens: [FencingToken]) -> PostgresStatement {
        PostgresStatement(
            name: "calls",
            sql: "SELECT token FROM status_proxy.calls WHERE token = ANY ($1::bigint[])",
            values: [.array(tokens.map { "\($0.number)" })])
    }

    // MARK: writing

    /// Compares the revision with the one that was read, and writes all decisions or none. Returns
    /// 1 or 0.
    static func write(
        _ decision: PostgresDecision, over found: PostgresMeta?
    ) -> PostgresStatement {
        let (before, after, meta) = (decision.before, decision.after, decision.meta)
        let revision = (found?.revision ?? 0) + 1
        let documents = after.documents.filter { before.documents[$0.key] != $0.value }.map { $0 }
        return PostgresStatement(
            name: found == nil ? "write_first" : "write",
            sql: "WITH m AS (\(found == nil ? insertMeta : updateMeta)), \(writeRest)",
            values: [
                .integer(found?.epoch ?? 0), .integer(found?.revision ?? 0),
                .integer(meta.epoch), .integer(meta.token.number), .span(meta.clockOffset),
                .instant(decision.now), .text(meta.home), .text(meta.serverStart),
                .integer(meta.startRevision), .instant(meta.lossDetectedAt), .instant(meta.barrier),
                PostgresJSON.entries(
                    after.entries.filter { before.entries[$0.key] != $0 },
                    revision: revision),
                PostgresJSON.sources(
                    after.sources.filter { before.sources[$0.key] != $0.value }.map { $0 }),
                PostgresJSON.calls(after.events),
                PostgresJSON.completions(after.events, revision: revision),
                .array(documents.map(\.key.id.canonical)),
                .array(documents.map(\.key.source.name)),
                .array(documents.map(\.value.status.rawValue)),
                .array(documents.map { $0.value.isDone ? "t" : "f" }),
                .array(documents.map { $0.value.createdAt.map { "\($0.milliseconds)" } }),
                .blobs(documents.map(\.value.bytes)),
            ])
    }

    private static let updateMeta = """
        UPDATE status_proxy.meta SET epoch = $3::bigint, revision = revision + 1,
            token = $4::bigint, clock_offset = $5::bigint, last_time = $6::bigint,
            home = $7::text, server_start = $8::text, start_revision = $9::bigint,
            loss_detected = $10::bigint, barrier = $11::bigint
        WHERE epoch = $1::bigint AND revision = $2::bigint RETURNING 1
        """

    /// For a row that was deleted.
    private static let insertMeta = """
        INSERT INTO status_proxy.meta
            (epoch, revision, token, clock_offset, last_time, home, server_start, start_revision,
            loss_detected, barrier)
        SELECT $3::bigint, $2::bigint + 1 + 0 * $1::bigint, $4::bigint, $5::bigint, $6::bigint,
            $7::text, $8::text, $9::bigint, $10::bigint, $11::bigint
        ON CONFLICT (one) DO NOTHING RETURNING 1
        """

    private static let writeRest = """
        e AS (
            INSERT INTO status_proxy.entries
            SELECT r.* FROM m, json_populate_recordset(NULL::status_proxy.entries, $12::json) r
            ON CONFLICT (id, source) DO UPDATE SET \(updates(StoredEntry.columns, from: 2))
        ), s AS (
            INSERT INTO status_proxy.sources
            SELECT r.* FROM m, json_populate_recordset(NULL::status_proxy.sources, $13::json) r
            ON CONFLICT (source) DO UPDATE SET
                \(updates("source, paused_until, breaker_until, smallest_gap, calls", from: 1))
        ), c AS (
            INSERT INTO status_proxy.calls
            SELECT r.* FROM m, json_populate_recordset(NULL::status_proxy.calls, $14::json) r
        ), f AS (
            INSERT INTO status_proxy.completions
            SELECT r.* FROM m, json_populate_recordset(NULL::status_proxy.completions, $15::json) r
            ON CONFLICT (token) DO NOTHING
        ), d AS (
            INSERT INTO status_proxy.documents AS d
            SELECT b.* FROM m, unnest(
                $16::text[], $17::text[], $18::text[], $19::boolean[], $20::bigint[],
                $21::bytea[]) b
            ON CONFLICT (id, source) DO UPDATE SET
                \(updates("id, source, status, done, created_wall, bytes", from: 2))
            -- An unchanged state is not written again.
            WHERE d.bytes <> excluded.bytes OR d.status <> excluded.status
                OR d.done <> excluded.done OR d.created_wall IS DISTINCT FROM excluded.created_wall
        )
        SELECT count(*) FROM m
        """

    private static func updates(_ columns: String, from first: Int) -> String {
        columns.split { ", \n".contains($0) }.dropFirst(first)
            .map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
    }

    // MARK: purging

    static func entries(after start: PurgeProgress.Cursor, atMost count: Int) -> PostgresStatement {
        PostgresStatement(
            name: "old_entries",
            sql: """
                SELECT \(StoredEntry.columns) FROM status_proxy.entries
                WHERE (id, source) > ($1::text, $2::text) ORDER BY id, source LIMIT $3::bigint
                """,
            values: [.text(start.id), .text(start.source), .integer(count)])
    }

    /// Reduces entries and deletes others, if they have not been changed since and are not being
    /// changed. Waits for no lock, and delays no decision.
    static func purge(
        left: [(entry: StoredEntry, revision: Int64)],
        dropped: [(entry: StoredEntry, revision: Int64)]
    ) -> PostgresStatement {
        PostgresStatement(
            name: "purge",
            sql: """
                WITH l AS (
                    SELECT r.* FROM json_populate_recordset(NULL::status_proxy.entries, $1::json) r
                    JOIN status_proxy.entries e USING (id, source, revision)
                    FOR UPDATE OF e SKIP LOCKED
                ), x AS (
                    SELECT e.id, e.source
                    FROM json_populate_recordset(NULL::status_proxy.entries, $2::json) r
                    JOIN status_proxy.entries e USING (id, source, revision)
                    FOR UPDATE OF e SKIP LOCKED
                ), u AS (
                    UPDATE status_proxy.entries e SET answer_done = l.answer_done,
                        answer_checked_wall = l.answer_checked_wall, answer_time = l.answer_time,
                        negative_kind = l.negative_kind, negative_http_status = l.negative_http_status,
                        negative_code = l.negative_code, negative_message = l.negative_message,
                        negative_repeats = l.negative_repeats, negative_ended = l.negative_ended,
                        not_found_since = l.not_found_since
                    FROM l WHERE e.id = l.id AND e.source = l.source
                ), g AS (
                    DELETE FROM status_proxy.entries e USING x
                    WHERE e.id = x.id AND e.source = x.source
                )
                DELETE FROM status_proxy.documents d USING (
                    SELECT id, source FROM l WHERE answer_time IS NULL
                    UNION ALL SELECT id, source FROM x) o
                WHERE d.id = o.id AND d.source = o.source
                """,
            values: [PostgresJSON.entries(left), PostgresJSON.entries(dropped)])
    }

    /// Tokens grow with time, so the oldest are first.
    static func oldestCalls(atMost count: Int) -> PostgresStatement {
        PostgresStatement(
            name: "oldest_calls",
            sql: "SELECT token, reserved FROM status_proxy.calls ORDER BY token LIMIT $1::bigint",
            values: [.integer(count)])
    }

    static func dropCalls(upTo token: FencingToken) -> [PostgresStatement] {
        ["calls", "completions"].map { table in
            PostgresStatement(
                name: "drop_\(table)",
                sql: "DELETE FROM status_proxy.\(table) WHERE token <= $1::bigint",
                values: [.integer(token.number)])
        }
    }

    // MARK: notifications

    static let listen = PostgresStatement(name: "listen", sql: "LISTEN status_proxy", values: [])

    static func notify(sender: String, _ ids: Set<ActionID>) -> PostgresStatement {
        PostgresStatement(
            name: "notify", sql: "SELECT status_proxy.notify($1::text, $2::text[])",
            values: [.text(sender), .array(ids.map(\.canonical))])
    }
}
