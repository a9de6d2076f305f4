// Converts between columns and values. Unknown words are read as the nearest known one.

import StatusCore

extension SQLiteRows {
    static func values(of key: EntryKey) -> [SQLiteValue] {
        [.text(key.id.canonical), .text(key.source.name)]
    }

    // MARK: entries

    /// In the order of `values(of:)` and `entry`.
    static let entryColumns = [
        "id", "source", "spelling", "first_seen", "first_seen_wall", "opens", "known",
        "lease_token", "lease_reserved", "lease_ends", "lease_state", "lease_unknown",
        "lease_not_found", "lease_holder", "last_end", "observation_time", "observation_token",
        "answer_done",
        "answer_checked_wall", "answer_time", "negative_kind", "negative_http_status",
        "negative_code",
        "negative_message", "negative_repeats", "negative_ended", "negative_ended_wall",
        "not_found_since",
        "not_found_since_wall",
    ]

    static let entriesSQL = "SELECT \(entryColumns.joined(separator: ", ")) FROM entries"

    static func values(of entry: StoredEntry) -> [SQLiteValue] {
        let (lease, answer, negative) = (entry.lease, entry.answer, entry.negative)
        return values(of: entry.key) + [
            .optional(entry.key.id.otherSpelling), .integer(entry.firstSeen.time.nanoseconds),
            .integer(entry.firstSeen.wall.milliseconds), .integer(entry.opens.nanoseconds),
            .flag(entry.isKnown), .optional(lease?.token.number),
            .optional(lease?.reserved.nanoseconds), .optional(lease?.ends.nanoseconds),
            .optional(lease?.state.rawValue), .optional(lease.map { $0.classes.isUnknown ? 1 : 0 }),
            .optional(lease.map { $0.classes.wasNotFound ? 1 : 0 }),
            .optional(lease?.classes.holder), .optional(entry.lastEnd?.nanoseconds),
            .optional(entry.newest?.time.nanoseconds), .optional(entry.newest?.token?.number),
            .optional(answer.map { $0.isDone ? 1 : 0 }), .optional(answer?.checkedAt.milliseconds),
            .optional(answer?.answered.time.nanoseconds), .optional(negative?.fault.kind.rawValue),
            .optional(negative?.fault.httpStatus.map(Int64.init)),
            .optional(negative?.fault.code), .optional(negative?.fault.message),
            .optional(negative.map { Int64($0.repeats) }),
            .optional(negative?.ended.time.nanoseconds),
            .optional(negative?.ended.wall.milliseconds),
            .optional(entry.notFoundSince?.time.nanoseconds),
            .optional(entry.notFoundSince?.wall.milliseconds),
        ]
    }

    /// Nil for a source that this version does not know.
    static func entry(_ row: Statement.Row) -> StoredEntry? {
        guard let id = row.text(0).flatMap({ ActionID($0) }),
            let source = row.text(1).flatMap({ Source($0) }),
            let firstSeen = row.moment(3, 4), let opens = row.instant(5)
        else { return nil }
        return StoredEntry(
            key: EntryKey(source, id).spelled(row.text(2)), firstSeen: firstSeen, opens: opens,
            lease: lease(row), lastEnd: row.instant(14), isKnown: row.integer(6) == 1,
            newest: newest(row), answer: answer(row), negative: negative(row),
            notFoundSince: row.moment(27, 28))
    }

    private static func lease(_ row: Statement.Row) -> StoredEntry.Lease? {
        guard let token = row.integer(7), let reserved = row.instant(8), let ends = row.instant(9)
        else { return nil }
        return StoredEntry.Lease(
            token: FencingToken(token), reserved: reserved, ends: ends,
            state: row.integer(10).flatMap(CallState.init) ?? .abandoned,
            classes: CallClasses(
                isUnknown: row.integer(11) == 1, wasNotFound: row.integer(12) == 1,
                holder: row.text(13)))
    }

    private static func newest(_ row: Statement.Row) -> StoredEntry.ObservationMark? {
        row.instant(15).map { time in
            StoredEntry.ObservationMark(time: time, token: row.integer(16).map(FencingToken.init))
        }
    }

    /// All processes that use the file read the same machine's wall clock.
    private static func answer(_ row: Statement.Row) -> StoredEntry.Answer? {
        guard let isDone = row.integer(17), let checked = row.integer(18),
            let answered = row.instant(19)
        else { return nil }
        let checkedAt = WallTime(milliseconds: checked)
        return StoredEntry.Answer(
            isDone: isDone == 1, checkedAt: checkedAt,
            answered: StoreMoment(time: answered, wall: checkedAt))
    }

    private static func negative(_ row: Statement.Row) -> StoredEntry.NegativeResult? {
        guard let kind = row.text(20), let ended = row.moment(25, 26) else { return nil }
        let fault = UpstreamFault(
            kind: UpstreamFault.Kind(rawValue: kind) ?? .unexpectedStatus,
            httpStatus: row.integer(21).map(Int.init(clamping:)), code: row.text(22),
            message: row.text(23))
        return StoredEntry.NegativeResult(
            fault: fault, repeats: Int(clamping: row.integer(24) ?? 1), ended: ended)
    }

    // MARK: documents

    static func values(of document: ActionDocument) -> [SQLiteValue] {
        [
            .text(document.status.rawValue), .flag(document.isDone),
            .optional(document.createdAt?.milliseconds), .blob(document.bytes),
        ]
    }

    static func document(_ source: Source, _ row: Statement.Row) -> ActionDocument? {
        guard let status = row.text(0), let bytes = row.blob(3) else { return nil }
        return ActionDocument(
            bytes: bytes, source: source, status: ActionStatus(rawValue: status) ?? .unknown,
            isDone: row.integer(1) == 1,
            createdAt: row.integer(2).map(WallTime.init(milliseconds:)))
    }

    // MARK: journal

    static func values(of call: GrantedCall) -> [SQLiteValue] {
        [
            .integer(call.token.number), .text(call.key.source.name),
            .text(call.key.id.canonical), .integer(call.reserved.time.nanoseconds),
            .integer(call.reserved.wall.milliseconds), .integer(call.ends.nanoseconds),
            .flag(call.classes.isUnknown), .flag(call.classes.wasNotFound),
            .optional(call.classes.holder), .optional(call.limits?.minInterval.nanoseconds),
            .optional(call.limits?.flightMax.nanoseconds),
            .optional(call.limits.map { Int64($0.budget.perMinute) }),
            .optional(call.limits?.budget.perDay.map(Int64.init)),
        ]
    }

    static let journalSQL = """
        SELECT c.token, c.source, c.id, c.reserved, c.reserved_wall, c.ends, c.unknown,
            c.not_found, c.holder, c.min_interval, c.flight_max, c.per_minute, c.per_day,
            e.state, e.ended, e.sent, e.outcome
        FROM calls c LEFT JOIN completions e USING (token) ORDER BY c.token
        """

    /// Nil for a source that this version does not know.
    static func call(_ row: Statement.Row) -> JournaledCall? {
        guard let token = row.integer(0).map(FencingToken.init),
            let source = row.text(1).flatMap({ Source($0) }),
            let id = row.text(2).flatMap({ ActionID($0) }), let reserved = row.moment(3, 4),
            let ends = row.instant(5)
        else { return nil }
        let key = EntryKey(source, id)
        let granted = GrantedCall(
            token: token, key: key, reserved: reserved, ends: ends,
            classes: CallClasses(
                isUnknown: row.integer(6) == 1, wasNotFound: row.integer(7) == 1,
                holder: row.text(8)),
            limits: CallLimits(
                minInterval: row.integer(9), flightMax: row.integer(10),
                perMinute: row.integer(11), perDay: row.integer(12)))
        let completed = row.integer(13).map { state in
            CompletedCall(
                token: token, key: key, state: CallState(rawValue: state) ?? .abandoned,
                ended: row.instant(14), sent: row.instant(15), outcome: row.text(16) ?? "")
        }
        return JournaledCall(granted, completed)
    }
}

extension Statement.Row {
    func instant(_ column: Int32) -> Instant? { integer(column).map(Instant.init(nanoseconds:)) }

    func moment(_ time: Int32, _ wall: Int32) -> StoreMoment? {
        guard let time = instant(time), let wall = integer(wall) else { return nil }
        return StoreMoment(time: time, wall: WallTime(milliseconds: wall))
    }
}
