// The steps of a batch: rows are read, decisions made and written, and replies given.

internal import StatusCore

/// The work under way on a connection, one piece at a time.
struct PostgresWork {
    enum Step {
        case reading
        /// The decision is being written, with the reading that it is based on.
        case writing(PostgresDecision, found: PostgresMeta?, PostgresMemory.Reading)
        /// Only documents are missing from the replies.
        case completing(PostgresDecision)
        case dropping(PurgeProgress)
    }

    var batch: PostgresBatch
    var step = Step.reading
    /// On the store's local clock.
    var sent = Instant.distantPast
    var sentAt = ContinuousClock.now
    let beganAt = ContinuousClock.now

    /// Whether this only queries changes, without a decision or the store's time.
    var isForChanges: Bool {
        if case .changes? = tasks.first?.operation.request { return true }
        return false
    }

    var tasks: [PostgresTask] { batch.tasks }
    /// Whether a reply is still expected.
    var isAwaited: Bool { tasks.contains { !$0.isGivenUp } }

    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresTask] {
        batch.giveUp(at: now)
    }
}

extension PostgresSession {
    // MARK: - Reading

    /// An empty batch is a heartbeat, which checks the store's continuity.
    func begin(_ tasks: [PostgresTask]) {
        work = PostgresWork(batch: PostgresBatch(tasks: tasks))
        read()
    }

    private func read() {
        guard let batch = work?.batch else { return }
        work?.step = .reading
        switch batch.tasks.first?.operation.request {
        case .changes: return send([.changes(since: memory.changes.since)], isBeat: false)
        case .purge(_, let progress, _):
            return send([.meta, statement(for: progress.stage)])
        default: break
        }
        var statements = [PostgresStatement.meta]
        if !batch.tasks.isEmpty || batch.carried != nil { statements.append(.sources) }
        if !batch.ids.isEmpty { statements.append(.entries(batch.ids)) }
        if !batch.documentIDs.isEmpty { statements.append(.documents(batch.documentIDs)) }
        if let carried = batch.carried { statements.append(.calls(carried.map(\.granted.token))) }
        for request in batch.tasks.flatMap(\.operation.request.reservations) {
            quarantine = max(quarantine, request.quarantine)
        }
        send(statements)
    }

    private func found(
        _ results: [PostgresResult], for batch: PostgresBatch
    ) throws(PostgresFailure) -> PostgresFound {
        var found = PostgresFound()
        var rest = results.dropFirst()
        if !batch.tasks.isEmpty || batch.carried != nil, let next = rest.popFirst() {
            try found.state.takeSources(next)
        }
        if !batch.ids.isEmpty, let next = rest.popFirst() { found.state.takeEntries(next) }
        if !batch.documentIDs.isEmpty, let next = rest.popFirst() {
            found.state.takeDocuments(next)
        }
        if batch.carried != nil, let next = rest.popFirst() {
            found.calls = Set(next.rows.compactMap { $0.integer(0).map(FencingToken.init) })
        }
        return found
    }

    // MARK: - Replies

    func take(_ results: [PostgresResult], at received: Instant) throws(PostgresFailure) {
        guard let work else { return }
        if case .changes(let reply)? = work.tasks.first?.operation.request {
            return try takeChanges(results, work, reply)
        }
        switch work.step {
        case .reading: try decide(results, work, at: received)
        case .writing(var decision, let found, let reading):
            // Another replica has written since: the decision is void.
            guard results.first?.rows.first?.integer(0) == 1 else { return read() }
            if results.count > 1 { decision.after.takeDocuments(results[1]) }
            keep(decision, over: found, reading)
            finish(work, decision)
        case .completing(var decision):
            if let documents = results.first { decision.after.takeDocuments(documents) }
            finish(work, decision)
        case .dropping(let progress): goOn(work, progress)
        }
    }

    private func decide(
        _ results: [PostgresResult], _ work: PostgresWork, at received: Instant
    ) throws(PostgresFailure) {
        guard let server, let first = results.first else { throw .malformed("no result") }
        let sight = try PostgresSight(first, on: server)
        if let meta = sight.meta { memory.changes.reading(at: meta.revision) }
        let reading = memory.judge(sight, sent: work.sent, received: received)
        if let (retention, progress) = work.batch.purge {
            return try purge(results, retention, progress, reading)
        }
        if work.batch.carried == nil, let lost = memory.lostCalls(after: reading) {
            // Lost calls are restored with the same decision.
            self.work?.batch.carried = lost
            return read()
        }
        let found = try found(results, for: work.batch)
        let decision = PostgresDecision(work.batch, found, reading.judgement, memory)
        let missing = decision.missing(for: work.tasks)
        let documents = missing.isEmpty ? [] : [PostgresStatement.documents(of: missing)]
        if decision.writes(over: sight.meta) {
            self.work?.step = .writing(decision, found: sight.meta, reading)
            return send([.write(decision, over: sight.meta)] + documents)
        }
        memory.keep(unchanged: decision.meta)
        guard documents.isEmpty else {
            self.work?.step = .completing(decision)
            return send(documents)
        }
        finish(work, decision)
    }

    /// The decision is in the store.
    private func keep(
        _ decision: PostgresDecision, over found: PostgresMeta?, _ reading: PostgresMemory.Reading
    ) {
        memory.keep(decision, over: found, reading)
        if let span = reading.ahead { reportTrouble("its clock went ahead by \(span)") }
        if let trouble = reading.judgement.trouble { reportTrouble(trouble) }
    }

    // MARK: - Replies to callers

    private func finish(_ work: PostgresWork, _ decision: PostgresDecision) {
        self.work = nil
        // Some may have been given up meanwhile.
        for (task, outcome) in zip(work.tasks, decision.outcomes) {
            reply(to: task, outcome, decision)
        }
    }

    func reply(
        to task: PostgresTask, _ outcome: PostgresDecision.Outcome, _ decision: PostgresDecision
    ) {
        switch (task.operation.request, outcome) {
        case (.lookUp(_, let requests, let reply), .lookedUp(let found)):
            for request in requests {
                heed(found.reservations[request.key.source], request, task)
            }
            if !task.isGivenUp { reply(.success(found)) }
        case (.reserve(let request, let reply), .reserved(var answer)):
            heed(answer, request, task)
            if answer.isGateShut, let record = decision.record(request.key) {
                answer.verdict = .gateShut(record)
            }
            if !task.isGivenUp { reply(.success(answer)) }
        case (.complete(let completion, let reply), .completed(var answer)):
            if let pause = completion.pause {
                memory.paused(completion.key.source, until: clock.sinceBoot() + pause)
            }
            notifications?.send([completion.key.id])
            answer.record = decision.record(completion.key) ?? answer.record
            if !task.isGivenUp { reply(.success(answer)) }
        case (.register(_, let reply), .gaps(let gaps)):
            if !task.isGivenUp { reply(.success(gaps)) }
        default: break
        }
    }

    private func heed(
        _ answer: ReservationReply?, _ request: Reservation, _ task: PostgresTask
    ) {
        switch answer?.verdict {
        case .quarantined(let span): beginQuarantine(for: span)
        case .granted(let token) where task.isGivenUp: giveBack(token, request.key)
        default: break
        }
    }

    /// A grant that came too late: nothing is sent, and the gate need not stay shut.
    private func giveBack(_ token: FencingToken, _ key: EntryKey) {
        let completion = Completion(
            key: key, token: token, gate: .opens(in: .zero), pause: nil, sentAgo: nil,
            observation: .none,
            outcome: UpstreamFault.Kind.slotExpired.rawValue)
        let operation = StoreOperation(
            request: .complete(completion) { _ in }, asked: clock.sinceBoot())
        add(operation, within: limits.completionMax)
    }
}

enum PostgresPurge {
    typealias Row = (entry: StoredEntry, revision: Int64)

    /// The start of the next step; nil: there is none.
    static func end(
        of rows: [PostgresResult.Row], _ limits: PostgresLimits
    ) -> PurgeProgress.Cursor? {
        guard rows.count >= limits.purgeStepRows, let id = rows.last?.text(0),
            let source = rows.last?.text(1)
        else { return nil }
        return PurgeProgress.Cursor(id: id, source: source)
    }
}

extension PostgresBatch {
    /// The step of a purge, if the batch is one.
    var purge: (Retention, PurgeProgress)? {
        guard case .purge(let retention, let progress, _)? = tasks.first?.operation.request else {
            return nil
        }
        return (retention, progress)
    }
}

extension PostgresDecision {
    fileprivate func record(_ key: EntryKey) -> EntryRecord? {
        after.record(key, at: StoreMoment(time: now, wall: WallTime(milliseconds: 0)))
    }
}
