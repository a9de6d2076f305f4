// Rows in a SQLite file: one prepared statement for each thing that the rules ask.

import StatusCore

/// A connection with its statements. Confined to its store's queue.
final class SQLiteRows: StoreRows {
    typealias Failure = SQLiteFailure

    let database: Database
    private let statements: Statements

    init(path: String, lockWaitMilliseconds: Int32) throws(SQLiteFailure) {
        let opened = try Database(path: path, lockWaitMilliseconds: lockWaitMilliseconds)
        try Schema.prepare(opened)
        statements = try Statements(opened)
        database = opened
    }

    // MARK: looks

    func look(_ key: LookKey) throws(SQLiteFailure) -> KeptLook? {
        try statements.look.first(Self.values(of: key)) { Self.look(key, $0) }
    }

    func isKnown(_ id: ActionID) throws(SQLiteFailure) -> Bool {
        for source in Source.allCases {
            let known = try statements.known.first(Self.values(of: LookKey(source, id))) {
                $0.integer(0)
            }
            if known == 1 { return true }
        }
        return false
    }

    func add(_ look: KeptLook) throws(SQLiteFailure) {
        try statements.addLook.run(
            Self.values(of: look.key) + [
                .integer(look.firstSeen.time.nanoseconds),
                .integer(look.firstSeen.wall.milliseconds),
                .integer(look.opens.nanoseconds), .optional(look.token?.number),
                .optional(look.key.id.otherSpelling),
            ])
        try keepNews(of: look)
    }

    func moveGate(of key: LookKey, opens: Instant, owner: SlotToken) throws(SQLiteFailure) {
        try statements.moveGate.run(
            Self.values(of: key) + [.integer(opens.nanoseconds), .integer(owner.number)])
    }

    func keepNews(of look: KeptLook) throws(SQLiteFailure) {
        let miss = look.miss
        let answer = look.answer
        try statements.keepNews.run(
            Self.values(of: look.key) + [
                .integer(look.opens.nanoseconds), .flag(look.isKnown),
                .optional(look.newsToken?.number),
                .optional(miss?.fault.kind.rawValue),
                .optional(miss?.fault.httpStatus.map(Int64.init)),
                .optional(miss?.fault.code), .optional(miss?.fault.message),
                .optional(miss.map { Int64($0.repeats) }),
                .optional(miss?.ended.time.nanoseconds), .optional(miss?.ended.wall.milliseconds),
                .optional(answer?.document.status.rawValue),
                .optional(answer.map { $0.document.isDone ? 1 : 0 }),
                .optional(answer?.document.createdAt?.milliseconds),
                .optional(answer?.checkedAt.milliseconds), .optional(answer?.told.time.nanoseconds),
                answer.map { .blob($0.document.bytes) } ?? .null,
                .optional(look.notFoundSince?.time.nanoseconds),
                .optional(look.notFoundSince?.wall.milliseconds),
            ])
    }

    // MARK: calls

    func add(_ call: NewCall) throws(SQLiteFailure) -> SlotToken {
        let number = try statements.addCall.first(
            Self.values(of: call.key) + [
                .optional(call.before?.number), .integer(call.reserved.time.nanoseconds),
                .integer(call.reserved.wall.milliseconds), .integer(call.ends.nanoseconds),
                .integer(KeptCall.State.underWay.rawValue), .flag(call.wasUnknown),
                .flag(call.wasNotFound), .optional(call.holder),
            ] + Self.values(of: call.limits)
        ) { $0.integer(0) }
        guard let number else { throw .failed("a new call got no token") }
        return SlotToken(number)
    }

    /// Enters a call that a file has lost, unless its token is in use.
    func enterAgain(_ call: KeptCall) throws(SQLiteFailure) {
        try statements.enterAgain.run(
            Self.values(of: call.key) + [
                .integer(call.token.number), .optional(call.before?.number),
                .integer(call.reserved.time.nanoseconds),
                .integer(call.reserved.wall.milliseconds), .integer(call.ended.nanoseconds),
                .integer(call.state.rawValue), .flag(call.wasUnknown),
                .optional(call.sent?.nanoseconds), .optional(call.outcome),
            ] + Self.values(of: call.limits))
    }

    func call(_ token: SlotToken) throws(SQLiteFailure) -> KeptCall? {
        try statements.call.first([.integer(token.number)]) { Self.call(token, $0) }
    }

    func keepEnd(of call: KeptCall) throws(SQLiteFailure) {
        try statements.keepEnd.run([
            .integer(call.token.number), .integer(call.ended.nanoseconds),
            .integer(call.state.rawValue), .optional(call.sent?.nanoseconds),
            .optional(call.outcome),
        ])
    }

    func dataVersion() throws(SQLiteFailure) -> Int64? {
        try statements.dataVersion.first { $0.integer(0) }
    }

    /// Calls that have ended at that moment or later.
    func ended(since moment: Instant) throws(SQLiteFailure) -> [ChangeCursor.Ended] {
        var ended: [ChangeCursor.Ended] = []
        for source in Source.allCases {
            let values: [SQLiteValue] = [
                .text(source.rawValue), .integer(moment.nanoseconds),
                .integer(KeptCall.State.ended.rawValue),
            ]
            try statements.ended.forEach(values) { row in
                guard let token = row.integer(0), let id = row.text(1).flatMap({ ActionID($0) })
                else {
                    return true
                }
                ended.append(ChangeCursor.Ended(token: SlotToken(token), id: id))
                return true
            }
        }
        return ended
    }

    /// Walks one period's calls; of the later ones only the counts are read.
    func callCount(_ source: Source, endingAfter moment: Instant) throws(SQLiteFailure) -> Int {
        let count = try statements.callCount.first([
            .text(source.rawValue), .integer(moment.nanoseconds),
            .integer(CallPeriod.number(of: moment)),
        ]) { $0.integer(0) }
        return Int(count ?? 0)
    }

    func callEnd(
        _ source: Source, rank: Int, of group: CallGroup
    ) throws(SQLiteFailure) -> Instant? {
        let values: [SQLiteValue] = [.text(source.rawValue), .integer(Int64(rank) - 1)]
        switch group {
        case .all: return try callEnd(source, rank: rank, onlyUnknown: false)
        case .unknown: return try callEnd(source, rank: rank, onlyUnknown: true)
        case .notFound: return try statements.notFoundCallEnd.first(values) { $0.instant(0) }
        case .holder(let name):
            return try statements.holdersCallEnd.first(values + [.text(name)]) { $0.instant(0) }
        }
    }

    /// Goes back over whole periods, and walks the calls of the one that has the wanted one.
    private func callEnd(
        _ source: Source, rank: Int, onlyUnknown: Bool
    ) throws(SQLiteFailure) -> Instant? {
        let values: [SQLiteValue] = [.text(source.rawValue), .flag(onlyUnknown)]
        var left = Int64(rank)
        var found: Int64?
        try statements.periods.forEach(values) { row in
            guard let period = row.integer(0), let calls = row.integer(1) else { return true }
            found = period
            guard calls < left else { return false }
            left -= calls
            found = nil
            return true
        }
        guard let found else { return nil }
        return try statements.callEnd.first(values + [.integer(found), .integer(left - 1)]) {
            $0.instant(0)
        }
    }

    // MARK: sources

    func source(_ source: Source) throws(SQLiteFailure) -> KeptSource {
        let kept = try statements.source.first([.text(source.rawValue)]) { row in
            KeptSource(
                pausedUntil: row.instant(0), breakerUntil: row.instant(1),
                smallestGap: row.integer(2).map { .nanoseconds($0) })
        }
        return kept ?? KeptSource()
    }

    func keep(_ state: KeptSource, of source: Source) throws(SQLiteFailure) {
        try statements.keepSource.run([
            .text(source.rawValue), .optional(state.pausedUntil?.nanoseconds),
            .optional(state.breakerUntil?.nanoseconds), .optional(state.smallestGap?.nanoseconds),
        ])
    }

    // MARK: what was lost

    /// Enters what the file does not know. The gates stay as the file has them.
    func enterAgain(
        _ carryOver: CarryOver, at now: StoreMoment, offset: Duration
    ) throws(SQLiteFailure) {
        for call in carryOver.calls(at: now.time, offset: offset) { try enterAgain(call) }
        for (source, until) in carryOver.pauses(at: now.time, offset: offset) {
            var kept = try self.source(source)
            kept.pausedUntil = max(kept.pausedUntil ?? .distantPast, until)
            try keep(kept, of: source)
        }
    }

    // MARK: meta

    func meta() throws(SQLiteFailure) -> StoreMeta? {
        try statements.meta.first { row in
            guard let epoch = row.integer(0), let revision = row.integer(1),
                let offset = row.integer(3), let lastTime = row.instant(4)
            else { return nil }
            return StoreMeta(
                epoch: epoch, revision: revision, bootID: row.text(2),
                clockOffset: .nanoseconds(offset), lastTime: lastTime, noticed: row.instant(5))
        }
    }

    func keep(_ meta: StoreMeta) throws(SQLiteFailure) {
        try statements.keepMeta.run([
            .integer(meta.epoch), .integer(meta.revision), .optional(meta.bootID),
            .integer(meta.clockOffset.nanoseconds), .integer(meta.lastTime.nanoseconds),
            .optional(meta.noticed?.nanoseconds),
        ])
    }

    /// Leaves out tokens, so that none comes twice after the file was set back.
    func skipTokens(past token: SlotToken) throws(SQLiteFailure) {
        try statements.skipTokens.run([
            .integer(token.number), .integer(Int64.random(in: (1 << 32)...(1 << 40))),
        ])
    }

    private static func values(of limits: CallLimits?) -> [SQLiteValue] {
        [
            .optional(limits?.minInterval.nanoseconds), .optional(limits?.flightMax.nanoseconds),
            .optional(limits.map { Int64($0.budget.perMinute) }),
            .optional(limits?.budget.perDay.map(Int64.init)),
        ]
    }

    static func values(of key: LookKey) -> [SQLiteValue] {
        [.text(key.source.rawValue), .text(key.id.canonical)]
    }
}
