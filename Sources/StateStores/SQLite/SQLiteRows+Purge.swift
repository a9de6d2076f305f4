// Dropping what is past its use, a bounded number of rows at a time.

import StatusCore

extension PurgeProgress.Cursor {
    /// After every row.
    fileprivate static let end = PurgeProgress.Cursor(source: "\u{10FFFF}", id: "")
}

extension SQLiteRows {
    /// One step over at most `rowsMax` rows of a table.
    func purge(
        _ progress: PurgeProgress, _ retention: Retention, at now: Instant, rowsMax: Int,
        journalRowsMax: Int
    ) throws(SQLiteFailure) -> PurgeProgress {
        var progress = progress
        switch progress.stage {
        case .looks(let cursor):
            let end = try self.cursor(rowsMax, after: cursor)
            progress.dropped += try purgeLooks(
                after: cursor, upTo: end ?? .end, retention, now)
            progress.stage = end.map { .looks(after: $0) } ?? .calls
        case .calls:
            let dropped = try purgeCalls(now, rowsMax: rowsMax, journalRowsMax: journalRowsMax)
            progress.dropped += dropped
            if dropped == 0 { progress.stage = .done }
        case .done: break
        }
        return progress
    }

    private func cursor(
        _ rowsMax: Int, after start: PurgeProgress.Cursor
    ) throws(SQLiteFailure) -> PurgeProgress.Cursor? {
        let statement = try database.prepare(
            """
            SELECT source, id FROM looks WHERE (source, id) > (?1, ?2)
            ORDER BY source, id LIMIT 1 OFFSET ?3
            """)
        let values: [SQLiteValue] = [
            .text(start.source), .text(start.id), .integer(Int64(rowsMax - 1)),
        ]
        return try statement.first(values) { row in
            guard let source = row.text(0), let id = row.text(1) else { return nil }
            return PurgeProgress.Cursor(source: source, id: id)
        }
    }

    /// Ages are the store clock's: a wall clock that is set ahead drops nothing.
    private func purgeLooks(
        after start: PurgeProgress.Cursor, upTo end: PurgeProgress.Cursor,
        _ retention: Retention, _ now: Instant
    ) throws(SQLiteFailure) -> Int {
        let range: [SQLiteValue] = [
            .text(start.source), .text(start.id), .text(end.source), .text(end.id),
        ]
        let missLimit = (now - retention.missMax).nanoseconds
        return try change(
            Self.dropAnswers,
            range + [
                .integer((now - retention.terminalTTL).nanoseconds),
                .integer((now - retention.staleMax).nanoseconds),
            ])
            + change(Self.dropMisses, range + [.integer(missLimit)])
            + change(
                Self.dropGates, range + [.integer(missLimit), .integer(now.nanoseconds)])
    }

    /// Tells how many rows it changed.
    private func change(_ sql: String, _ values: [SQLiteValue]) throws(SQLiteFailure) -> Int {
        try database.prepare(sql).run(values)
        return database.lastChangeCount
    }

    private static let inRange = "(source, id) > (?1, ?2) AND (source, id) <= (?3, ?4)"

    private static let dropAnswers = """
        UPDATE looks SET answer_status = NULL, answer_done = NULL, answer_created_wall = NULL,
            answer_checked_wall = NULL, answer_told = NULL, answer_bytes = NULL
        WHERE \(inRange) AND answer_told < CASE answer_done WHEN 1 THEN ?5 ELSE ?6 END
        """

    private static let dropMisses = """
        UPDATE looks SET miss_kind = NULL, miss_http_status = NULL, miss_code = NULL,
            miss_message = NULL, miss_repeats = NULL, miss_ended = NULL, miss_ended_wall = NULL,
            not_found_since = NULL, not_found_since_wall = NULL
        WHERE \(inRange) AND miss_ended < ?5
        """

    private static let dropGates = """
        DELETE FROM looks WHERE \(inRange) AND answer_told IS NULL AND miss_ended IS NULL
            AND opens < ?5 AND opens <= ?6
        """

    /// Drops calls past the journal's span, then the oldest beyond `journalRowsMax`, but none that a
    /// window can still count.
    private func purgeCalls(
        _ now: Instant, rowsMax: Int, journalRowsMax: Int
    ) throws(SQLiteFailure) -> Int {
        let dropped = try dropCalls(endedBefore: now - JournalLimits.span, atMost: rowsMax)
        guard dropped == 0 else { return dropped }
        let total = try database.number("SELECT sum(calls) FROM call_counts") ?? 0
        let excess = Int(total) - journalRowsMax
        guard excess > 0 else { return 0 }
        return try dropCalls(
            endedBefore: now - BudgetLimits.dayWindow, atMost: min(excess, rowsMax))
    }

    private func dropCalls(
        endedBefore limit: Instant, atMost count: Int
    ) throws(SQLiteFailure) -> Int {
        var dropped = 0
        for source in Source.allCases {
            dropped += try change(
                Self.dropOldCalls,
                [
                    .text(source.rawValue), .integer(limit.nanoseconds),
                    .integer(Int64(count - dropped)),
                ])
        }
        return dropped
    }

    private static let dropOldCalls = """
        DELETE FROM calls WHERE seq IN
            (SELECT seq FROM calls WHERE source = ?1 AND ended < ?2 ORDER BY ended LIMIT ?3)
        """
}
