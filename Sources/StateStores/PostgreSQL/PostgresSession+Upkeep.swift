// What goes on beside decisions: changes by other replicas, and purging in small steps.

internal import StatusCore

extension PostgresSession {
    /// Takes the calls that others have completed, without a check of the store's continuity.
    func takeChanges(
        _ results: [PostgresResult], _ work: PostgresWork, _ reply: StoreOperation.Reply<[ActionID]>
    ) throws(PostgresFailure) {
        guard let rows = results.first?.rows, let revision = rows.first?.integer(0) else {
            throw .malformed("a store without a revision")
        }
        self.work = nil
        memory.changes.searched(to: revision)
        let ids = rows.compactMap { row -> ActionID? in
            guard let token = row.integer(1), !memory.carryOver.has(FencingToken(token)) else {
                return nil
            }
            return row.text(2).flatMap({ ActionID($0) })
        }
        if !work.tasks.allSatisfy(\.isGivenUp) { reply(.success(ids)) }
    }

    // MARK: - Purging

    func statement(for stage: PurgeProgress.Stage) -> PostgresStatement {
        switch stage {
        case .entries(let start): .entries(after: start, atMost: limits.purgeStepRows)
        case .calls, .done: .oldestCalls(atMost: limits.purgeStepRows)
        }
    }

    /// Only while the store's time is reliable.
    func purge(
        _ results: [PostgresResult], _ retention: Retention, _ progress: PurgeProgress,
        _ reading: PostgresMemory.Reading
    ) throws(PostgresFailure) {
        let judgement = reading.judgement
        guard judgement.trouble == nil, reading.ahead == nil else {
            throw .tooSlow("the store is in trouble, and nothing is dropped")
        }
        let rows = results.last?.rows ?? []
        var next = progress
        var statements: [PostgresStatement] = []
        switch progress.stage {
        case .entries:
            var (left, dropped): ([PostgresPurge.Row], [PostgresPurge.Row]) = ([], [])
            for row in rows {
                guard let entry = StoredEntry(row), let revision = row.integer(2) else { continue }
                let rest = StoreRules.retain(entry, retention, at: judgement.now)
                next.dropped += rest.dropped
                if let kept = rest.entry {
                    if rest.dropped > 0 { left.append((kept, revision)) }
                } else {
                    dropped.append((entry, revision))
                }
            }
            if !left.isEmpty || !dropped.isEmpty {
                statements = [.purge(left: left, dropped: dropped)]
            }
            next.stage = PostgresPurge.end(of: rows, limits).map { .entries(after: $0) } ?? .calls
        case .calls, .done:
            let old = rows.prefix { row in
                guard let token = row.integer(0), let reserved = row.instant(1) else {
                    return false
                }
                return JournalLimits.isOver(
                    FencingToken(token), reserved, last: judgement.meta.token,
                    callsMax: limits.journalCallsMax, at: judgement.now)
            }
            next.dropped += old.count
            if let last = old.last?.integer(0) {
                statements = PostgresStatement.dropCalls(upTo: FencingToken(last))
            }
            if old.count < limits.purgeStepRows { next.stage = .done }
        }
        work?.step = .dropping(next)
        guard let work, statements.isEmpty else { return send(statements) }
        goOn(work, next)
    }

    /// Other operations have their turn before the next step.
    func goOn(_ work: PostgresWork, _ progress: PurgeProgress) {
        self.work = nil
        guard let task = work.tasks.first, !task.isGivenUp,
            case .purge(let retention, _, let reply) = task.operation.request
        else { return }
        if case .done = progress.stage { return reply(.success(progress.dropped)) }
        let rest = StoreOperation(
            request: .purge(retention, progress, reply: reply), asked: clock.sinceBoot())
        add(rest, within: limits.completionMax)
    }
}
