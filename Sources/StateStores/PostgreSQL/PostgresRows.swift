// Converts between the database's rows and values. Unknown words are read as the nearest known one.

import StatusCore

extension PostgresMeta {
    /// From the columns of the statement `meta`; nil: there is no row.
    fileprivate init?(_ row: PostgresResult.Row) {
        guard let epoch = row.integer(0), let revision = row.integer(1),
            let token = row.integer(2), let offset = row.span(3), let lastTime = row.instant(4),
            let home = row.text(5), let start = row.text(6), let startRevision = row.integer(7)
        else { return nil }
        self.init(
            epoch: epoch, revision: revision, token: FencingToken(token), clockOffset: offset,
            lastTime: lastTime, home: home, serverStart: start, startRevision: startRevision,
            lossDetectedAt: row.instant(8), barrier: row.instant(9))
    }
}

extension PostgresSight {
    init(_ result: PostgresResult, on server: PostgresServer) throws(PostgresFailure) {
        let row = try result.row(columns: 12)
        guard let clock = row.instant(11) else { throw .malformed("a store without a time") }
        self.init(
            meta: PostgresMeta(row), home: server.home(table: row.integer(10) ?? 0),
            serverStart: server.start, clock: clock)
    }
}

extension StoredEntry {
    /// In the order of `init`.
    static let columns = """
        id, source, revision, spelling, first_seen, opens, known, lease_token, lease_reserved,
        lease_ends, lease_state, lease_unknown, lease_not_found, lease_holder, last_end, observation_time,
        observation_token, answer_done, answer_checked_wall, answer_time, negative_kind, negative_http_status,
        negative_code, negative_message, negative_repeats, negative_ended, not_found_since
        """

    /// Nil for a source that this version does not know.
    init?(_ row: PostgresResult.Row) {
        guard let id = row.text(0).flatMap({ ActionID($0) }),
            let source = row.text(1).flatMap({ Source($0) }), let firstSeen = row.moment(4),
            let opens = row.instant(5)
        else { return nil }
        self.init(
            key: EntryKey(source, id).spelled(row.text(3)), firstSeen: firstSeen, opens: opens,
            lastEnd: row.instant(14), isKnown: row.flag(6) ?? false,
            notFoundSince: row.moment(26))
        if let token = row.integer(7), let reserved = row.instant(8), let ends = row.instant(9) {
            lease = Lease(
                token: FencingToken(token), reserved: reserved, ends: ends,
                state: row.integer(10).flatMap(CallState.init) ?? .abandoned,
                classes: CallClasses(
                    isUnknown: row.flag(11) ?? false, wasNotFound: row.flag(12) ?? false,
                    holder: row.text(13)))
        }
        newest = row.instant(15).map { time in
            ObservationMark(time: time, token: row.integer(16).map(FencingToken.init))
        }
        if let isDone = row.flag(17), let checked = row.integer(18), let answered = row.moment(19) {
            answer = Answer(
                isDone: isDone, checkedAt: WallTime(milliseconds: checked), answered: answered)
        }
        if let kind = row.text(20), let ended = row.moment(25) {
            negative = NegativeResult(
                fault: UpstreamFault(
                    kind: UpstreamFault.Kind(rawValue: kind) ?? .unexpectedStatus,
                    httpStatus: row.integer(21).map { Int($0) }, code: row.text(22),
                    message: row.text(23)),
                repeats: Int(row.integer(24) ?? 1), ended: ended)
        }
    }

    fileprivate func write(_ json: inout JSONWriter, revision: Int64) {
        json.beginObject()
        json.member("id", key.id.canonical)
        json.member("source", key.source.name)
        json.member("revision", revision)
        json.member("spelling", key.id.otherSpelling)
        json.member("first_seen", firstSeen.time.nanoseconds)
        json.member("opens", opens.nanoseconds)
        json.member("known", isKnown)
        json.member("lease_token", lease?.token.number)
        json.member("lease_reserved", lease?.reserved.nanoseconds)
        json.member("lease_ends", lease?.ends.nanoseconds)
        json.member("lease_state", lease?.state.rawValue)
        json.member("lease_unknown", lease?.classes.isUnknown)
        json.member("lease_not_found", lease?.classes.wasNotFound)
        json.member("lease_holder", lease?.classes.holder)
        json.member("last_end", lastEnd?.nanoseconds)
        json.member("observation_time", newest?.time.nanoseconds)
        json.member("observation_token", newest?.token?.number)
        json.member("answer_done", answer?.isDone)
        json.member("answer_checked_wall", answer?.checkedAt.milliseconds)
        json.member("answer_time", answer?.answered.time.nanoseconds)
        json.member("negative_kind", negative?.fault.kind.rawValue)
        json.member("negative_http_status", negative?.fault.httpStatus)
        json.member("negative_code", negative?.fault.code)
        json.member("negative_message", negative?.fault.message)
        json.member("negative_repeats", negative?.repeats)
        json.member("negative_ended", negative?.ended.time.nanoseconds)
        json.member("not_found_since", notFoundSince?.time.nanoseconds)
        json.endObject()
    }
}

extension ActionDocument {
    /// Columns `status, done, created_wall, bytes` from `first` on.
    convenience init?(_ row: PostgresResult.Row, from first: Int32, source: Source) {
        guard let status = row.text(first), let bytes = row.blob(first + 3) else { return nil }
        self.init(
            bytes: bytes, source: source, status: ActionStatus(rawValue: status) ?? .unknown,
            isDone: row.flag(first + 1) ?? false,
            createdAt: row.integer(first + 2).map(WallTime.init(milliseconds:)))
    }
}

extension StoreState {
    mutating func takeEntries(_ result: PostgresResult) {
        for entry in result.rows.compactMap(StoredEntry.init) { entries[entry.key] = entry }
    }

    mutating func takeDocuments(_ result: PostgresResult) {
        for row in result.rows {
            guard let id = row.text(0).flatMap({ ActionID($0) }),
                let source = row.text(1).flatMap({ Source($0) })
            else { continue }
            documents[EntryKey(source, id)] = ActionDocument(row, from: 2, source: source)
        }
    }

    mutating func takeSources(_ result: PostgresResult) throws(PostgresFailure) {
        for row in result.rows {
            guard let source = row.text(0).flatMap({ Source($0) }) else { continue }
            guard let calls = CallCounts(bytes: row.blob(4) ?? []) else {
                throw .malformed("the counts of \(source.name) are not readable")
            }
            sources[source] = SourceState(
                pausedUntil: row.instant(1), breakerUntil: row.instant(2),
                smallestGap: row.span(3), calls: calls)
        }
    }
}

/// Rows as one JSON array, for `json_populate_recordset`.
enum PostgresJSON {
    static func entries(_ entries: [StoredEntry], revision: Int64) -> PostgresValue {
        array(entries) { $1.write(&$0, revision: revision) }
    }

    /// Entries that a purge has seen, each with its revision.
    static func entries(_ entries: [(entry: StoredEntry, revision: Int64)]) -> PostgresValue {
        array(entries) { $1.entry.write(&$0, revision: $1.revision) }
    }

    static func sources(_ sources: [(Source, SourceState)]) -> PostgresValue {
        array(sources) { json, row in
            let (source, state) = row
            json.beginObject()
            json.member("source", source.name)
            json.member("paused_until", state.pausedUntil?.nanoseconds)
            json.member("breaker_until", state.breakerUntil?.nanoseconds)
            json.member("smallest_gap", state.smallestGap?.nanoseconds)
            json.member("calls", hexadecimal(state.calls.bytes))
            json.endObject()
        }
    }

    static func calls(_ events: [JournalEvent]) -> PostgresValue {
        array(events.compactMap { if case .granted(let call) = $0 { call } else { nil } }) {
            json, call in
            json.beginObject()
            json.member("token", call.token.number)
            json.member("source", call.key.source.name)
            json.member("id", call.key.id.canonical)
            json.member("reserved", call.reserved.time.nanoseconds)
            json.member("ends", call.ends.nanoseconds)
            json.member("unknown", call.classes.isUnknown)
            json.member("not_found", call.classes.wasNotFound)
            json.member("holder", call.classes.holder)
            json.member("min_interval", call.limits?.minInterval.nanoseconds)
            json.member("flight_max", call.limits?.flightMax.nanoseconds)
            json.member("per_minute", call.limits?.budget.perMinute)
            json.member("per_day", call.limits?.budget.perDay)
            json.endObject()
        }
    }

    static func completions(_ events: [JournalEvent], revision: Int64) -> PostgresValue {
        array(events.compactMap { if case .completed(let call) = $0 { call } else { nil } }) {
            json, call in
            json.beginObject()
            json.member("token", call.token.number)
            json.member("revision", revision)
            json.member("id", call.key.id.canonical)
            json.member("state", call.state.rawValue)
            json.member("ended", call.ended?.nanoseconds)
            json.member("sent", call.sent?.nanoseconds)
            json.member("outcome", call.outcome)
            json.endObject()
        }
    }

    private static func array<Row>(
        _ rows: [Row], _ write: (inout JSONWriter, Row) -> Void
    ) -> PostgresValue {
        var json = JSONWriter()
        json.beginArray()
        for row in rows { write(&json, row) }
        json.endArray()
        return .text(String(decoding: json.bytes, as: UTF8.self))
    }

    /// The text form of `bytea` (PostgreSQL 15, 8.4.1).
    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text = Array("\\x".utf8)
        for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: text, as: UTF8.self)
    }
}

extension PostgresResult.Row {
    /// The database's clock is a wall clock, so there is no separate one.
    fileprivate func moment(_ column: Int32) -> StoreMoment? {
        instant(column).map { StoreMoment(time: $0, wall: WallTime(milliseconds: 0)) }
    }
}
