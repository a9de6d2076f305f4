// The journal in a PostgreSQL database, read beside the replicas that write it.

public import StatusCore

/// Reads the shared store's journal on a connection of its own, and changes nothing.
public struct PostgresJournal: CallJournal {
    private let url: PostgresURL

    public init(url: PostgresURL) { self.url = url }

    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read { connection throws(PostgresFailure) in
            // A cursor: a journal may be larger than what one wants to hold.
            _ = try Self.execute(
                """
                BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
                DECLARE journal BINARY CURSOR FOR
                    SELECT token, source, id, reserved, sent, ended, state, unknown, outcome,
                        min_interval, flight_max, per_minute, per_day
                    FROM status_proxy.calls ORDER BY token
                """, on: connection)
            while true {
                let rows = try Self.execute("FETCH \(Self.stepRows) FROM journal", on: connection)
                    .rows
                if rows.isEmpty { return }
                for row in rows { if let call = JournaledCall(row) { body(call) } }
            }
        }
    }

    public func smallestGaps() throws(StoreFailure) -> PerSource<Duration?> {
        var gaps = PerSource<Duration?> { _ in nil }
        try read { connection throws(PostgresFailure) in
            _ = try Self.execute(
                """
                BEGIN READ ONLY;
                DECLARE gaps BINARY CURSOR FOR
                    SELECT source, smallest_gap FROM status_proxy.sources
                """, on: connection)
            gaps = PostgresReplies.smallestGaps(
                try Self.execute("FETCH ALL FROM gaps", on: connection))
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
    /// Nil for a source or a state that this version does not know: such a call is not ours.
    fileprivate init?(_ row: PostgresResult.Row) {
        guard let token = row.integer(0), let source = row.text(1).flatMap(Source.init),
            let id = row.text(2).flatMap({ ActionID($0) }), let reserved = row.instant(3),
            let ended = row.instant(5), let state = row.integer(6).flatMap(KeptCall.State.init),
            let isUnknown = row.flag(7)
        else { return nil }
        // The database's clock is a wall clock.
        let wall = WallTime(milliseconds: reserved.nanoseconds / 1_000_000)
        let call = KeptCall(
            token: SlotToken(token), key: LookKey(source, id),
            reserved: StoreMoment(time: reserved, wall: wall), ended: ended, state: state,
            wasUnknown: isUnknown, sent: row.instant(4), outcome: row.text(8),
            limits: CallLimits(
                minInterval: row.integer(9), flightMax: row.integer(10),
                perMinute: row.integer(11), perDay: row.integer(12)))
        self = call.journaled
    }
}
