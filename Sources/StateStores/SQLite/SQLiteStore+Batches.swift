// Batches of operations, each carried out in one transaction.

internal import Dispatch
internal import Locking
internal import StatusCore

extension SQLiteStore {
    func drain() {
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
        let result = answer
        return {
            self.session.committed(state.events)
            reply(.success(result))
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
        let result = answer
        return {
            self.session.committed(state.events)
            if let pause = completion.pause {
                self.session.paused(completion.key.source, for: pause)
            }
            reply(.success(result))
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
    static func failure(_ failure: SQLiteFailure, _ path: String) -> StoreFailure {
        .unavailable("\(path): \(failure.text)")
    }
}
