// A store in a SQLite file: operations run in batches, each in one transaction, and are answered after
// its commit.

internal import Dispatch
internal import Locking
public import StatusCore

/// Keeps gates, budgets and answers in one file, through crashes and restarts; several processes on one
/// machine may share it.
///
/// Operations that arrive while a transaction runs are carried out together in the next one. If a file
/// vanishes or is replaced under a running store, it is opened or created again, and reservations are
/// quarantined until no earlier grant can matter. The file records that, so it also holds for processes
/// that start meanwhile. A *first* start on a missing file is not quarantined: a new installation and a
/// lost file look alike, and no running process has noticed a loss.
///
/// `@unchecked Sendable`: `mailbox` is behind a lock; all other state is immutable but for `session`,
/// `changesTimer` and `isUnwritable`, which are touched only in `init`, before the object is shared, in
/// `deinit`, and in blocks of `queue`, which is serial.
public final class SQLiteStore: StateStore, @unchecked Sendable {
    let queue = DispatchQueue(label: "status-proxy.sqlite-store")
    private let mailbox: Guarded<Mailbox>
    let session: SQLiteSession
    private let clock: StoreClock
    private let limits: SQLiteLimits
    private let path: String
    private var changesTimer: (any DispatchSourceTimer)?
    /// The last transaction that was to write has failed. Until one does not, look-ups reserve nothing: they
    /// need no lock then, and show whatever is kept.
    private var isUnwritable = false

    deinit { changesTimer?.cancel() }

    /// Opens or creates the file. `report` gets lines for operators, on the store's queue.
    ///
    /// Throws ``StoreFailure`` with a text that names the file if it cannot be used: damaged, another
    /// program's, written by a newer version, read-only, locked, or in a missing folder.
    public convenience init(
        path: String, clock: StoreClock = .system,
        report: @escaping @Sendable (String) -> Void = { _ in }
    ) throws(StoreFailure) {
        try self.init(path: path, clock: clock, limits: SQLiteLimits(), report: report)
    }

    /// Why no store can be kept at the path, as far as that can be determined without opening it; nil
    /// if there is no obstacle.
    public static func fault(at path: String) -> String? { StoreFiles.fault(path) }

    init(
        path: String, clock: StoreClock, limits: SQLiteLimits,
        report: @escaping @Sendable (String) -> Void
    ) throws(StoreFailure) {
        if let fault = Self.fault(at: path) { throw .unavailable("\(path): \(fault)") }
        self.path = path
        self.clock = clock
        self.limits = limits
        mailbox = Guarded(Mailbox(waitingMax: limits.waitingMax))
        session = SQLiteSession(
            path: path, clock: clock, lockWait: limits.lockWaitMax, report: report)
        do throws(SQLiteFailure) {
            try session.start()
        } catch {
            throw Self.failure(error, path)
        }
    }

    public func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void
    ) {
        post(.lookUp(ids, requests, reply: reply))
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        post(.reserve(request, reply: reply))
    }

    public func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void
    ) {
        post(.complete(completion, reply: reply))
    }

    public func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void
    ) {
        post(.register(sources, reply: reply))
    }

    /// Purges the file in small steps, between which other operations have their turn.
    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        post(.purge(retention, PurgeProgress(), reply: reply))
    }

    /// Processes that share a file cannot notify each other, so each asks for the others' changes.
    public func listen(_ hear: @escaping @Sendable (StoreNotice) -> Void) {
        queue.async { self.startListening(hear) }
    }

    private func startListening(_ hear: @escaping @Sendable (StoreNotice) -> Void) {
        let timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler { [weak self] in
            guard let self, session.mayHaveChanges() else { return }
            post(.changes { ids in for id in (try? ids.get()) ?? [] { hear(.changed(id)) } })
        }
        let interval = DispatchTimeInterval.nanoseconds(Int(ChangeCursor.interval.nanoseconds))
        timer.schedule(deadline: .now(), repeating: interval, leeway: .milliseconds(20))
        timer.activate()
        changesTimer = timer
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        queue.async { self.changesTimer?.cancel() }
        if case .first = mailbox.withLock({ $0.close(reply) }) { queue.async { self.drain() } }
    }

    private func post(_ request: StoreOperation.Request) {
        let operation = StoreOperation(request: request, asked: clock.sinceBoot())
        switch mailbox.withLock({ $0.post(operation) }) {
        case .first: queue.async { self.drain() }
        case .queued: break
        case .refused(let failure): queue.async { operation.fail(failure) }
        }
    }

    // MARK: on the queue

    private func drain() {
        carryOut(mailbox.withLock { $0.take(atMost: limits.batchMax) })
        switch mailbox.withLock({ $0.next() }) {
        case .more: queue.async { self.drain() }
        case .idle: break
        case .closed(let closers):
            session.close()
            // After the refusals that were put on the queue while this batch ran.
            queue.async { closers.forEach { $0() } }
        }
    }

    private func carryOut(_ batch: [StoreOperation]) {
        guard !batch.isEmpty else { return }
        let batch = isUnwritable ? batch.map(\.withoutReservations) : batch
        do throws(SQLiteFailure) {
            try attempt(batch).forEach { $0() }
        } catch {
            carryOutSingly(batch.map(\.withoutReservations), after: error)
        }
    }

    /// Runs the operations individually, so that none suffers from another's failure, and one that
    /// found a lost connection gets a second attempt. Waiting again for a lock would only make all wait
    /// longer.
    private func carryOutSingly(_ batch: [StoreOperation], after failure: SQLiteFailure) {
        var lock = failure.isLock ? failure : nil
        for operation in batch {
            if operation.writes, let lock {
                operation.fail(Self.failure(lock, path))
                continue
            }
            do throws(SQLiteFailure) {
                try attempt([operation]).forEach { $0() }
            } catch {
                if error.isLock { lock = error }
                operation.fail(Self.failure(error, path))
            }
        }
    }

    /// The replies to give once everything is on the disk.
    private func attempt(_ batch: [StoreOperation]) throws(SQLiteFailure) -> [() -> Void] {
        let writes = batch.contains(where: \.writes)
        var hasFailed = writes
        defer { if writes { isUnwritable = hasFailed } }
        let replies: [() -> Void] = try session.transact(writes: writes) {
            transaction throws(SQLiteFailure) in
            var replies: [() -> Void] = []
            for operation in batch {
                replies.append(
                    try batch.count == 1
                        ? perform(operation, in: transaction)
                        : performApart(operation, in: transaction))
            }
            return replies
        }
        hasFailed = false
        return replies
    }

    /// Undoes only this operation if it fails and the transaction can continue.
    private func performApart(
        _ operation: StoreOperation, in transaction: SQLiteTransaction
    ) throws(SQLiteFailure) -> () -> Void {
        let rows = transaction.rows
        try rows.database.execute("SAVEPOINT operation")
        do throws(SQLiteFailure) {
            let reply = try perform(operation, in: transaction)
            try rows.database.execute("RELEASE operation")
            return reply
        } catch {
            guard error.leavesConnectionUsable, rows.database.isInTransaction else { throw error }
            try rows.database.execute("ROLLBACK TO operation; RELEASE operation")
            let failure = Self.failure(error, path)
            return { operation.fail(failure) }
        }
    }

    private func perform(
        _ operation: StoreOperation, in transaction: SQLiteTransaction
    ) throws(SQLiteFailure) -> () -> Void {
        let rules = transaction.rules(asked: operation.asked)
        switch operation.request {
        case .lookUp(let ids, let requests, let reply):
            let needed = NeededRows(
                ids: ids, sources: .these(requests.map(\.key.source)), allDocuments: true)
            let (found, state) = try transaction.decide(needed) { state in
                rules.lookUp(ids, orReserve: requests, in: &state)
            }
            return {
                self.session.committed(state.events)
                reply(.success(found))
            }
        case .changes(let reply):
            let (ids, revision) = try session.changes(in: transaction)
            return {
                self.session.searchedChanges(to: revision)
                reply(.success(ids))
            }
        case .reserve(let request, let reply):
            return try reserve(request, rules, transaction, reply)
        case .complete(let completion, let reply):
            return try complete(completion, rules, transaction, reply)
        case .register(let sources, let reply):
            let gaps = try transaction.decide(NeededRows(sources: .all)) { state in
                rules.register(sources, in: &state)
            }.reply
            return { reply(.success(gaps)) }
        case .purge(let retention, let progress, let reply):
            let next = try transaction.rows.purge(
                progress, retention, at: rules.now.time, rowsMax: limits.purgeStepRows,
                callsMax: limits.journalCallsMax, last: transaction.meta.token)
            return { self.goOn(operation, retention, next, reply) }
        }
    }

    private func reserve(
        _ request: Reservation, _ rules: StoreRules, _ transaction: SQLiteTransaction,
        _ reply: @escaping StoreOperation.Reply<ReservationReply>
    ) throws(SQLiteFailure) -> () -> Void {
        let (decided, state) = try transaction.decide(request.needed) { state in
            rules.reserve(request, in: &state)
        } shown: {
            $0.isGateShut ? request.key : nil
        }
        var answer = decided
        if answer.isGateShut, let record = state.record(request.key, at: rules.now) {
            answer.verdict = .gateShut(record)
        }
        let told = answer
        return {
            self.session.committed(state.events)
            reply(.success(told))
        }
    }

    private func complete(
        _ completion: Completion, _ rules: StoreRules, _ transaction: SQLiteTransaction,
        _ reply: @escaping StoreOperation.Reply<CompletionReply>
    ) throws(SQLiteFailure) -> () -> Void {
        let (decided, state) = try transaction.decide(completion.needed) { state in
            rules.complete(completion, in: &state)
        } shown: { _ in
            completion.key
        }
        var answer = decided
        answer.record = state.record(completion.key, at: rules.now) ?? answer.record
        let told = answer
        return {
            self.session.committed(state.events)
            if let pause = completion.pause {
                self.session.paused(completion.key.source, for: pause)
            }
            reply(.success(told))
        }
    }

    private func goOn(
        _ operation: StoreOperation, _ retention: Retention, _ progress: PurgeProgress,
        _ reply: @escaping StoreOperation.Reply<Int>
    ) {
        if case .done = progress.stage { return reply(.success(progress.dropped)) }
        var operation = operation
        operation.request = .purge(retention, progress, reply: reply)
        let next = operation
        mailbox.withLock { $0.putBack(next) }
    }

    /// The port's failure for SQLite's, with the file's path and SQLite's message for operators.
    private static func failure(_ failure: SQLiteFailure, _ path: String) -> StoreFailure {
        .unavailable("\(path): \(failure.text)")
    }
}
