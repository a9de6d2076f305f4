// Opens a running store's file, runs transactions on it, detects that the file has changed or is lost,
// and recovers.

import StatusCore

/// Runs transactions on the file at the path. Used only on its store's queue.
///
/// Faults (the file vanished, was replaced or set back, or its clock broke) are detected before and in
/// each transaction. The file records when that was, so that the quarantine outlives the process.
final class SQLiteSession {
    private let path: String
    private let clock: StoreClock
    /// Read once: no process outlives its boot, but reading can fail without a free descriptor.
    private let bootID: String?
    private let lockWait: Duration
    private let report: (String) -> Void

    private var rows: SQLiteRows?
    private var files: StoreFiles?
    /// Nil until the first start has succeeded.
    private var remembered: Continuity?
    /// The highest token granted by this process.
    private var lastToken = FencingToken(0)
    private var carryOver = CarryOver()
    private(set) var changes = ChangeCursor()
    /// Changed by every commit of another connection; nil if this connection has not read it yet.
    private var dataVersion: Int64?
    /// The revision of this connection's last commit.
    private var lastWritten: Int64?
    /// Detected, but not repaired in the file yet. Reported once, not per operation.
    private var trouble: String?
    /// The file was found damaged: the next opening checks it thoroughly.
    private var isSuspect = false
    private var backOff = BackOff()

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
            found, remembered: remembered, noticed: trouble,
            sinceBoot: clock.sinceBoot(), bootID: bootID)
        if let trouble = judgement.trouble { notice(trouble) }
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

    // MARK: opening

    /// The open connection if it still belongs to the files at the path, else a new one.
    private func connect() throws(SQLiteFailure) -> SQLiteRows {
        if let rows, let files {
            let found = StoreFiles(path)
            if found == files { return rows }
            disconnect(keepsLog: true)
            notice("the file was replaced")
            // The old file's log would be replayed into the new file.
            if found.main != files.main, found.log == files.log {
                try setAside("orphan", log: true)
            }
        }
        if let failure = backOff.failure(at: clock.sinceBoot()) { throw failure }
        return try open()
    }

    private func open() throws(SQLiteFailure) -> SQLiteRows {
        // The log is checked first: SQLite creates it after the file, and would delete this one.
        if StoreFiles.hasLog(path), FileIdentity(path) == nil { try setAside("orphan", log: true) }
        let opened = try openRepaired()
        try giveEpoch(to: opened)
        let found = StoreFiles(path)
        guard found.isWhole, !opened.database.hasMoved else {
            opened.database.keepLogOnClose()
            throw .replaced("the file was replaced while it was opened")
        }
        rows = opened
        files = found
        return opened
    }

    /// Sets a damaged file aside and starts a new one, in quarantine.
    private func openRepaired() throws(SQLiteFailure) -> SQLiteRows {
        do throws(SQLiteFailure) {
            let opened = try openRows()
            if isSuspect { try checkClosely(opened) }
            isSuspect = false
            return opened
        } catch {
            guard error.isDamage, remembered != nil else { throw error }
            notice(error.text)
            try setAside("corrupt", log: false)
            isSuspect = false
            return try openRows()
        }
    }

    private func openRows() throws(SQLiteFailure) -> SQLiteRows {
        StoreFiles.make(path)
        let opened = try SQLiteRows(
            path: path, lockWaitMilliseconds: Int32(clamping: lockWait.nanoseconds / 1_000_000))
        // Only once it is known to be a store: other programs' files are left unchanged.
        StoreFiles.narrow(path).forEach(report)
        return opened
    }

    private func checkClosely(_ opened: SQLiteRows) throws(SQLiteFailure) {
        let verdict = try opened.database.text("PRAGMA quick_check(1)") ?? "no verdict"
        guard verdict == "ok" else {
            opened.database.keepLogOnClose()
            throw .damaged(verdict)
        }
    }

    /// Starts a new epoch in a new file, or in one that lost its meta row. Under a running store the
    /// file starts in quarantine, since another process may start before this one has repaired it.
    private func giveEpoch(to opened: SQLiteRows) throws(SQLiteFailure) {
        guard try opened.meta() == nil else { return }
        try opened.database.execute("BEGIN IMMEDIATE")
        do throws(SQLiteFailure) {
            if try opened.meta() == nil {
                var first = StoreMeta.first(sinceBoot: clock.sinceBoot(), bootID: bootID)
                if remembered != nil { first.noticed = first.lastTime }
                try opened.keep(first)
            }
            try opened.database.execute("COMMIT")
        } catch {
            if opened.database.isInTransaction { try? opened.database.execute("ROLLBACK") }
            throw error
        }
    }

    // MARK: trouble

    private func notice(_ trouble: String) {
        guard self.trouble != trouble else { return }
        self.trouble = trouble
        report("\(path): \(trouble); no calls until earlier ones can no longer matter")
    }

    private func note(_ failure: SQLiteFailure) {
        if failure.isDamage, remembered != nil {
            isSuspect = true
            notice(failure.text)
        }
        guard !failure.leavesConnectionUsable || rows == nil else { return }
        disconnect(keepsLog: true)
        let now = clock.sinceBoot()
        if backOff.failure(at: now) == nil { backOff.failed(failure, at: now) }
    }

    private func setAside(_ word: String, log: Bool) throws(SQLiteFailure) {
        let target = try StoreFiles.setAside(path, as: word, onlyLog: log)
        report("\(path): moved aside as \(target)")
    }

    private func disconnect(keepsLog: Bool) {
        if keepsLog { rows?.database.keepLogOnClose() }
        rows = nil
        files = nil
        dataVersion = nil
        lastWritten = nil
    }
}
