// From columns to what is kept. Words of a newer version are read as the nearest that is known.

import StatusCore

extension SQLiteRows {
    static func look(_ key: LookKey, _ row: Statement.Row) -> KeptLook? {
        guard let firstSeen = row.moment(0, 1), let opens = row.instant(2) else { return nil }
        return KeptLook(
            key: key.spelled(row.text(21)), firstSeen: firstSeen, opens: opens,
            token: row.integer(3).map(SlotToken.init), isKnown: row.integer(4) == 1,
            newsToken: row.integer(5).map(SlotToken.init), answer: answer(key, row),
            miss: miss(row), notFoundSince: row.moment(19, 20))
    }

    private static func miss(_ row: Statement.Row) -> KeptLook.Miss? {
        guard let kind = row.text(6), let ended = row.moment(11, 12) else { return nil }
        let fault = UpstreamFault(
            kind: UpstreamFault.Kind(rawValue: kind) ?? .unexpectedStatus,
            httpStatus: row.integer(7).map(Int.init(clamping:)), code: row.text(8),
            message: row.text(9))
        return KeptLook.Miss(
            fault: fault, repeats: Int(clamping: row.integer(10) ?? 1), ended: ended)
    }

    private static func answer(_ key: LookKey, _ row: Statement.Row) -> KeptLook.Answer? {
        guard let status = row.text(13), let checked = row.integer(16), let told = row.instant(17),
            let bytes = row.blob(18)
        else { return nil }
        let document = ActionDocument(
            bytes: bytes, source: key.source, status: ActionStatus(rawValue: status) ?? .unknown,
            isDone: row.integer(14) == 1,
            createdAt: row.integer(15).map(WallTime.init(milliseconds:)))
        // All who use the file read the same machine's wall clock.
        let checkedAt = WallTime(milliseconds: checked)
        return KeptLook.Answer(
            document: document, checkedAt: checkedAt,
            told: StoreMoment(time: told, wall: checkedAt))
    }

    /// The columns that `call` reads, in its order.
    static let callColumns = """
        source, id, before, reserved, reserved_wall, ended, state, unknown, sent, outcome,
        min_interval, flight_max, per_minute, per_day
        """

    /// Nil for a source or a state that this version does not know: such a call is not ours.
    static func call(_ token: SlotToken, _ row: Statement.Row) -> KeptCall? {
        guard let source = row.text(0).flatMap(Source.init), let id = row.text(1),
            let actionID = ActionID(id), let reserved = row.moment(3, 4),
            let ended = row.instant(5), let state = row.integer(6).flatMap(KeptCall.State.init)
        else { return nil }
        return KeptCall(
            token: token, key: LookKey(source, actionID),
            before: row.integer(2).map(SlotToken.init), reserved: reserved, ended: ended,
            state: state, wasUnknown: row.integer(7) == 1, sent: row.instant(8),
            outcome: row.text(9),
            limits: CallLimits(
                minInterval: row.integer(10), flightMax: row.integer(11),
                perMinute: row.integer(12), perDay: row.integer(13)))
    }
}

extension Statement.Row {
    func instant(_ column: Int32) -> Instant? { integer(column).map(Instant.init(nanoseconds:)) }

    func moment(_ time: Int32, _ wall: Int32) -> StoreMoment? {
        guard let time = instant(time), let wall = integer(wall) else { return nil }
        return StoreMoment(time: time, wall: WallTime(milliseconds: wall))
    }
}
