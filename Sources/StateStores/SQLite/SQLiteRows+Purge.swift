// Deletes rows that are no longer needed, a bounded number at a time.

import StatusCore

extension SQLiteRows {
    /// One step over at most `rowsMax` rows of a table, in the order of its key.
    func purge(
        _ progress: PurgeProgress, _ retention: Retention, at now: Instant, rowsMax: Int,
        callsMax: Int, last: FencingToken
    ) throws(SQLiteFailure) -> PurgeProgress {
        var progress = progress
        switch progress.stage {
        case .entries(let cursor):
            let found = try entries(after: cursor, atMost: rowsMax)
            for entry in found.entries {
                let left = StoreRules.retain(entry, retention, at: now)
                guard left.dropped > 0 else { continue }
                progress.dropped += left.dropped
                try keep(left.entry, of: entry.key)
            }
            progress.stage = found.next.map { .entries(after: $0) } ?? .calls
        case .calls:
            let dropped = try purgeCalls(now, atMost: rowsMax, callsMax: callsMax, last: last)
            progress.dropped += dropped
            if dropped < rowsMax { progress.stage = .done }
        case .done: break
        }
        return progress
    }

    /// `next`: where the next step begins; nil if there is none.
    private func entries(
        after start: PurgeProgress.Cursor, atMost count: Int
    ) throws(SQLiteFailure) -> (entries: [StoredEntry], next: PurgeProgress.Cursor?) {
        let statement = try database.prepare(
            """
            \(Self.entriesSQL) WHERE (id, source) > (?1, ?2) ORDER BY id, source LIMIT ?3
            """)
        var entries: [StoredEntry] = []
        var (next, rows) = (start, 0)
        let values: [SQLiteValue] = [
            .text(start.id), .text(start.source), .integer(Int64(count)),
        ]
        try statement.forEach(values) { row in
            rows += 1
            next = PurgeProgress.Cursor(id: row.text(0) ?? "", source: row.text(1) ?? "")
            if let entry = Self.entry(row) { entries.append(entry) }
            return true
        }
        return (entries, rows < count ? nil : next)
    }

    /// Tokens grow with time, so the oldest come first.
    private func purgeCalls(
        _ now: Instant, atMost count: Int, callsMax: Int, last: FencingToken
    ) throws(SQLiteFailure) -> Int {
        let oldest = try database.prepare(
            "SELECT token, reserved FROM calls ORDER BY token LIMIT ?1")
        var end: Int64?
        var dropped = 0
        try oldest.forEach([.integer(Int64(count))]) { row in
            guard let token = row.integer(0), let reserved = row.instant(1),
                JournalLimits.isOver(
                    FencingToken(token), reserved, last: last, callsMax: callsMax, at: now)
            else { return false }
            end = token
            dropped += 1
            return true
        }
        guard let end else { return 0 }
        for table in ["calls", "completions"] {
            try database.prepare("DELETE FROM \(table) WHERE token <= ?1").run([.integer(end)])
        }
        return dropped
    }
}
