// Reads the journal in a PostgreSQL database, beside the replicas that write it.

public import StatusCore

/// Reads the shared store's journal on a separate connection, and changes nothing.
public struct PostgresJournal: CallJournal {
    private let url: PostgresURL

    public init(url: PostgresURL) { self.url = url }

    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read { connection throws(PostgresFailure) in
            // A cursor, since a journal may be too large for memory.
            _ = try Self.execute(
                """
                BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                DECLARE journal BINARY CURSOR FOR
                    SELECT c.token, c.source, c.id, c.reserved, c.ends, c.unknown, c.not_found,
                        c.holder, c.min_interval, c.flight_max, c.per_minute, c.per_day,
                        f.state, f.ended, f.sent, f.outcome
                    FROM status_proxy.calls c LEFT JOIN status_proxy.completions f USING (token)
                    ORDER BY c.token
                """, on: connection)
            while true {
                let rows = try Self.execute("FETCH \(Self.stepRows) FROM journal", on: connection)
                    .rows
                if rows.isEmpty { return }
                for row in rows { if let call = JournaledCall(row) { body(call) } }
            }
        }
    }

    public func smallestGaps() throws(StoreFailure) -> [Source: Duration] {
        var gaps: [Source: Duration] = [:]
        try read { connection throws(PostgresFailure) in
            _ = try Self.execute(
                """
                BEGIN READ ONLY;
                DECLARE gaps BINARY CURSOR FOR
                    SELECT source, smallest_gap FROM status_proxy.sources
                """, on: connection)
            for row in try Self.execute("FETCH ALL FROM gaps", on: connection).rows {
                guard let source = row.text(0).flatMap({ Source($0) }) else { continue }
                gaps[source] = row.span(1)
            }
        }
        return gaps
    }

    private static let stepRows = 1000
    /// How long one step may take.
    private static let stepMax = Duration.seconds(30)

    private func read(
        _ body: (borrowing PostgresConnection) throws(PostgresFailure) -> Void
    ) throws(StoreFailure) {
        do throws(PostgresFailure) {
            try body(PostgresConnection(url))
        } catch {
            throw .unavailable("\(url.shown): \(url.hideSecrets(in: error.text))")
        }
    }

    private static func execute(
        _ sql: String, on connection: borrowing PostgresConnection
    ) throws(PostgresFailure) -> PostgresResult {
        try connection.execute(sql, within: stepMax)
    }
}

extension JournaledCall {
    /// Nil for a source that this version does not know.
    fileprivate init?(_ row: PostgresResult.Row) {
        guard let token = row.integer(0).map(FencingToken.init),
            let source = row.text(1).flatMap({ Source($0) }),
            let id = row.text(2).flatMap({ ActionID($0) }), let reserved = row.instant(3),
            let ends = row.instant(4)
        else { return nil }
        let key = EntryKey(source, id)
        // The database's clock is a wall clock.
        let wall = WallTime(milliseconds: reserved.nanoseconds / 1_000_000)
        let granted = GrantedCall(
            token: token, key: key, reserved: StoreMoment(time: reserved, wall: wall), ends: ends,
            classes: CallClasses(
                isUnknown: row.flag(5) ?? true, wasNotFound: row.flag(6) ?? false,
                holder: row.text(7)),
            limits: CallLimits(
                minInterval: row.integer(8), flightMax: row.integer(9),
                perMinute: row.integer(10), perDay: row.integer(11)))
        let completed = row.integer(12).map { state in
            CompletedCall(
                token: token, key: key, state: CallState(rawValue: state) ?? .abandoned,
                ended: row.instant(13), sent: row.instant(14), outcome: row.text(15) ?? "")
        }
        self.init(granted, completed)
    }
}
