// From a reply's columns to the port's words. Words of a newer version are read as the nearest known.

import StatusCore

/// The reply to `status_proxy.reserve`.
struct PostgresReservation {
    var entry: PostgresEntry
    var reply: ReservationReply
    var wasUnknown: Bool

    private static let columns = PostgresEntry.columns + 7 + LookRecord.columns

    init(_ result: PostgresResult, _ request: Reservation) throws(PostgresFailure) {
        let row = try result.row(columns: Self.columns)
        entry = try PostgresEntry(row)
        wasUnknown = row.flag(12) ?? true
        let left = BudgetLeft(
            minute: Int(row.integer(13) ?? 0), day: row.integer(14).map { Int($0) })
        reply = ReservationReply(verdict: .paused(opensIn: .zero), budgetLeft: left)
        if !entry.isLate { reply.verdict = try Self.verdict(row, request.key) }
    }

    private static func verdict(
        _ row: PostgresResult.Row, _ key: LookKey
    ) throws(PostgresFailure) -> ReservationReply.Verdict {
        let opensIn = row.span(9) ?? .zero
        switch row.text(8) {
        case "granted":
            if let slot = row.integer(11) { return .granted(SlotToken(slot)) }
        case "gate-shut":
            if let record = LookRecord(row, from: 15, id: key.id) { return .gateShut(record) }
        case "budget-spent":
            let kind = row.text(10).flatMap(BudgetKind.init) ?? .minute
            return .budgetSpent(opensIn: opensIn, kind)
        case "paused": return .paused(opensIn: opensIn)
        case "resting": return .resting(opensIn: opensIn)
        case "quarantined": return .quarantined(opensIn: opensIn)
        default: break
        }
        throw .malformed("the verdict \(row.text(8) ?? "that is missing")")
    }
}

/// The reply to `status_proxy.settle`; no reply when it came too late.
struct PostgresSettlement {
    var entry: PostgresEntry
    var reply: SettlementReply?

    private static let columns = PostgresEntry.columns + 2 + LookRecord.columns

    init(_ result: PostgresResult, _ settlement: Settlement) throws(PostgresFailure) {
        let row = try result.row(columns: Self.columns)
        entry = try PostgresEntry(row)
        guard !entry.isLate else { return }
        guard let record = LookRecord(row, from: 10, id: settlement.key.id) else {
            throw .malformed("a settlement without its look")
        }
        reply = SettlementReply(record: record, gap: row.span(8), smallestGap: row.span(9))
    }
}

/// The reply to one step of `status_proxy.purge`.
struct PostgresPurge {
    var entry: PostgresEntry
    private var dropped: Int
    private var cursor: PurgeProgress.Cursor?

    private static let columns = PostgresEntry.columns + 3

    init(_ result: PostgresResult) throws(PostgresFailure) {
        let row = try result.row(columns: Self.columns)
        entry = try PostgresEntry(row)
        dropped = Int(row.integer(8) ?? 0)
        if let id = row.text(9), let source = row.text(10) {
            cursor = PurgeProgress.Cursor(source: source, id: id)
        }
    }

    /// Looks first, a step at a time; then calls, until a step drops none.
    func next(after progress: PurgeProgress) -> PurgeProgress {
        var progress = progress
        progress.dropped += dropped
        switch progress.stage {
        case .looks: progress.stage = cursor.map { .looks(after: $0) } ?? .calls
        case .calls: if dropped == 0 { progress.stage = .done }
        case .done: break
        }
        return progress
    }
}

enum PostgresReplies {
    /// Nil: the store has no meta row.
    static func changes(
        _ result: PostgresResult
    ) -> (lastTime: Instant, ended: [ChangeCursor.Ended])? {
        guard let lastTime = result.rows.first?.instant(0) else { return nil }
        let ended = result.rows.compactMap { row -> ChangeCursor.Ended? in
            guard let token = row.integer(1), let id = row.text(2).flatMap({ ActionID($0) }) else {
                return nil
            }
            return ChangeCursor.Ended(token: SlotToken(token), id: id)
        }
        return (lastTime, ended)
    }

    static func smallestGaps(_ result: PostgresResult) -> PerSource<Duration?> {
        var gaps = PerSource<Duration?> { _ in nil }
        for row in result.rows {
            guard let source = row.text(0).flatMap(Source.init) else { continue }
            gaps[source] = row.span(1)
        }
        return gaps
    }
}

extension LookRecord {
    /// Columns of the type `status_proxy.told`.
    fileprivate static let columns: Int32 = 18

    /// Each row begins with the number of its id, from 1 on.
    static func all(_ result: PostgresResult, _ ids: [ActionID]) -> [LookRecord] {
        result.rows.compactMap { row in
            guard let number = row.integer(0).map({ Int($0) }), ids.indices.contains(number - 1)
            else { return nil }
            return LookRecord(row, from: 1, id: ids[number - 1])
        }
    }

    /// Nil for a source that this version does not know.
    fileprivate init?(_ row: PostgresResult.Row, from first: Int32, id: ActionID) {
        guard let source = row.text(first).flatMap(Source.init),
            let opensIn = row.span(first + 1), let firstSeenAgo = row.span(first + 2)
        else { return nil }
        self.init(
            key: LookKey(source, id).spelled(row.text(first + 17)), opensIn: opensIn,
            firstSeenAgo: firstSeenAgo,
            isKnown: row.flag(first + 3) ?? false,
            answer: KeptAnswer(row, from: first + 4, source: source),
            miss: KeptMiss(row, from: first + 10), notFoundAgo: row.span(first + 16))
    }
}

extension KeptAnswer {
    fileprivate init?(_ row: PostgresResult.Row, from first: Int32, source: Source) {
        guard let status = row.text(first), let checked = row.integer(first + 3),
            let age = row.span(first + 4), let bytes = row.blob(first + 5)
        else { return nil }
        let document = ActionDocument(
            bytes: bytes, source: source, status: ActionStatus(rawValue: status) ?? .unknown,
            isDone: row.flag(first + 1) ?? false,
            createdAt: row.integer(first + 2).map(WallTime.init(milliseconds:)))
        self.init(
            document: document, checkedAt: WallTime(milliseconds: checked), age: age)
    }
}

extension KeptMiss {
    fileprivate init?(_ row: PostgresResult.Row, from first: Int32) {
        guard let kind = row.text(first), let age = row.span(first + 5) else { return nil }
        let fault = UpstreamFault(
            kind: UpstreamFault.Kind(rawValue: kind) ?? .unexpectedStatus,
            httpStatus: row.integer(first + 1).map { Int($0) }, code: row.text(first + 2),
            message: row.text(first + 3))
        self.init(fault: fault, repeats: Int(row.integer(first + 4) ?? 1), age: age)
    }
}
