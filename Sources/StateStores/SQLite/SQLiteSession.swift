// Opens a running store's file, runs transactions on it, detects that the file has changed or is
// lost, and recovers.

import StatusCore

/// Runs transactions on the file at the path. Used only on its store's queue.
///
/// Faults (the file vanished, was replaced or set back, or its clock broke) are detected before and in
/// each transaction. The file records when that was, so that the quarantine outlives the process.
final class SQLiteSession {
    let path: String
    let clock: StoreClock
    /// Read once: no process outlives its boot, but reading can fail without a free descriptor.
    let bootID: String?
    let lockWait: Duration
    let report: (String) -> Void

    var rows: SQLiteRows?
    var files: StoreFiles?
    /// Nil until the first start has succeeded.
    var remembered: Continuity?
    /// The highest token granted by this process.
    private var lastToken = FencingToken(0)
    private var carryOver = CarryOver()
    private(set) var changes = ChangeCursor()
    /// Changed by every commit of another connection; nil if this connection has not read it yet.
    var dataVersion: Int64?
    /// The revision of this connection's last commit.
    var lastWritten: Int64?
    /// Detected, but not repaired in the file yet. Reported once, not per operation.
    var trouble: String?
    /// The file was found damaged: the next opening checks it thoroughly.
    var isSuspect = false
    var backOff = BackOff()

    init(
        path: String, clock: StoreClock, lockWait: Duration, report: @escaping (String) -> Void
    ) {
        self.path = StoreFiles.resolve(path) ?? path
        self.clock = clock
        bootID = clock.bootID()
        self.lockWait = lockWait
        self.report = report
    }

    /// Opens or creates the file for the first time. Damage is not repaired here: an operator must look
    /// at it before it can decide about calls.
    func start() throws(SQLiteFailure) {
        try transact(writes: true) { _ throws(SQLiteFailure) in }
    }

    func close() { disconnect(keepsLog: false) }

    /// Called after a decision's transaction.
    func committed(_ events: [JournalEvent]) {
        for case .granted(let call) in events { lastToken = max(lastToken, call.token) }
        carryOver.take(events, offset: remembered?.clockOffset ?? .zero)
    }

    /// Called after a transaction in which an upstream asked for a pause.
    func paused(_ source: Source, for span: Duration) {
        carryOver.paused(source, until: clock.sinceBoot() + span)
    }

    /// Whether another process has written to the file since the last check; usually none shares it.
    func mayHaveChanges() -> Bool {
        guard let rows, let found = try? rows.dataVersion() else { return true }
        defer { dataVersion = found }
        guard found == dataVersion else { return true }
        if let lastWritten { changes.skip(to: lastWritten) }
        return false
    }

    /// The calls that others have completed since the last check, and the revision up to which that is.
    func changes(
        in transaction: SQLiteTransaction
    ) throws(SQLiteFailure) -> (ids: [ActionID], revision: Int64) {
        let revision = transaction.meta.revision
        guard let since = changes.since else { return ([], revision) }
        let completed = try transaction.rows.completed(since: since)
        return (completed.filter { !carryOver.has($0.token) }.map(\.id), revision)
    }

    /// Called after the transaction of `changes(in:)`.
    func searchedChanges(to revision: Int64) { changes.searched(to: revision) }

    /// Runs `body` in one transaction. When this returns, its writes are on the disk, in the file at
    /// the path; when it throws, none of them counts.
    func transact<Reply>(
        writes: Bool,
        _ body: (SQLiteTransaction) throws(SQLiteFailure) -> Reply
    ) throws(SQLiteFailure) -> Reply {
        do throws(SQLiteFailure) {
            let rows = try connect()
            let reply = try run(body, on: rows, writes: writes)
            backOff.succeeded()
            if !writes, trouble != nil { enterTrouble() }
            return reply
        } catch {
            note(error)
            throw error
        }
    }

    /// Records the fault in the file immediately, since a process that only read may be gone before
    /// anything is written. If this fails, the next transaction tries again.
    private func enterTrouble() { try? transact(writes: true) { _ throws(SQLiteFailure) in } }

    private func run<Reply>(
        _ body: (SQLiteTransaction) throws(SQLiteFailure) -> Reply, on rows: SQLiteRows,
        writes: Bool
    ) throws(SQLiteFailure) -> Reply {
        try rows.database.execute(writes ? "BEGIN IMMEDIATE" : "BEGIN")
        do throws(SQLiteFailure) {
            let changesBefore = rows.database.changeCount
            let judgement = try judge(rows)
            changes.reading(at: judgement.meta.revision)
            let transaction = SQLiteTransaction(rows: rows, clock: clock, meta: judgement.meta)
            if writes { try repair(transaction, judgement, found: try rows.meta()) }
            let reply = try body(transaction)
            let meta = try commit(
                transaction, hasWritten: rows.database.changeCount != changesBefore)
            if writes || judgement.trouble == nil { remember(meta, wrote: writes) }
            return reply
        } catch {
            if rows.database.isInTransaction { try? rows.database.execute("ROLLBACK") }
            throw error
        }
    }

    private func judge(_ rows: SQLiteRows) throws(SQLiteFailure) -> Continuity.Judgement {
        guard let found = try rows.meta() else { throw .failed("the file lost its epoch") }
        let judgement = Continuity.judge(
            found, remembered: remembered, earlier: trouble,
            sinceBoot: clock.sinceBoot(), bootID: bootID)
        if let trouble = judgement.trouble { reportTrouble(trouble) }
        return judgement
    }

    /// Corrects the file's clock, and enters what a file with a lost history must know.
    private func repair(
        _ transaction: SQLiteTransaction, _ judgement: Continuity.Judgement, found: StoreMeta?
    ) throws(SQLiteFailure) {
        let rows = transaction.rows
        if judgement.meta != found { try rows.keep(judgement.meta) }
        guard judgement.trouble != nil else { return }
        transaction.skipTokens(past: lastToken)
        let (now, offset) = (transaction.now(), judgement.meta.clockOffset)
        var lost: [CarryOver.Call] = []
        for call in carryOver.calls(at: now.time, offset: offset)
        where try !rows.hasCall(call.granted.token) {
            lost.append(call)
        }
        let pauses = carryOver.pauses(at: now.time, offset: offset)
        for source in Set(lost.map(\.granted.key.source)).union(pauses.keys) {
            let calls = lost.filter { $0.granted.key.source == source }
            let pause = pauses.filter { $0.key == source }
            _ = try transaction.decide(NeededRows(sources: .these([source]))) { state in
                StoreRules(now: now, asked: now).enterAgain(calls, pause, in: &state)
            }
        }
    }

    /// A file that was replaced during the transaction has taken the commit with it.
    private func commit(
        _ transaction: SQLiteTransaction, hasWritten: Bool
    ) throws(SQLiteFailure) -> StoreMeta {
        var meta = transaction.meta
        guard hasWritten else {
            try transaction.rows.database.execute("COMMIT")
            return meta
        }
        meta.revision += 1
        meta.lastTime = transaction.now().time
        try transaction.rows.keep(meta)
        try transaction.rows.database.execute("COMMIT")
        lastWritten = meta.revision
        guard StoreFiles(path) == files else { throw .replaced("the file was replaced") }
        return meta
    }

    private func remember(_ meta: StoreMeta, wrote: Bool) {
        remembered = Continuity(meta)
        guard wrote else { return }
        trouble = nil
    }

    /// The open connection, for tests that cause faults inside it.
    func withDatabase(
        _ body: (borrowing Database) throws(SQLiteFailure) -> Void
    ) throws(SQLiteFailure) {
        guard let rows else { throw .failed("no open connection") }
        try body(rows.database)
    }
}
