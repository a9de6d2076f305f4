// A process in the world: steps, effects, crashes and stops.

@testable import StatusCore

extension World {
    func step(_ replica: Replica, _ event: Event) {
        judge.received(event, by: replica, at: now)
        if case .called(let key, _, let report) = event {
            trace.note(
                now, "\(replica.index) learned \(key.id) \(key.source) \(report.outcome.word)")
        }
        let effects = replica.step(event, at: now)
        carryOut(effects[...], replica)
        scheduleWake(replica)
    }

    /// One effect after the other; the process may die or be stopped between any two.
    private func carryOut(_ effects: ArraySlice<Effect>, _ replica: Replica) {
        var rest = effects
        while let effect = rest.popFirst() {
            carryOut(effect, replica)
            guard isFaulty else { continue }
            if random.permille(scenario.crashShare) { return crash(replica) }
            guard random.permille(scenario.pauseShare) else { continue }
            pause(replica, random.span(.milliseconds(100), .seconds(150)))
            replica.unfinished = Array(rest)
            return deliver(replica, after: .zero) { _ in }
        }
        judge.checkRefusals(replica, at: now)
    }

    /// A stopped process first finishes its step when it wakes, before anything else that waits.
    func finishEffects(_ replica: Replica) {
        guard !replica.unfinished.isEmpty else { return }
        let effects = replica.unfinished
        replica.unfinished = []
        for case .complete(let completion, _) in effects { judge.completedLate(completion) }
        carryOut(effects[...], replica)
        scheduleWake(replica)
    }

    private func carryOut(_ effect: Effect, _ replica: Replica) {
        switch effect {
        case .lookUp(let id, let requests):
            for request in requests {
                guard let flight = replica.flight(request.key) else { continue }
                judge.started(replica, request.key, flight, at: now)
            }
            lookUp(id, orReserve: requests, replica)
        case .reread(let ids): lookUp(ids, replica) { .reread(ids, $0.map(\.records)) }
        case .prepare(let key, let flight):
            judge.started(replica, key, flight, at: now)
            prepare(key, flight, replica)
        case .reserve(let request, let flight): reserve(request, flight, replica)
        case .call(let key, let flight, let sendBefore):
            call(key, flight, sendBefore, replica)
        case .complete(let completion, let flight):
            judge.over(replica, completion.key, flight)
            complete(completion, flight, replica)
        case .refuseCredential(let source): judge.refused(replica, source)
        case .reply(let caller, let reply):
            trace.note(now, "\(replica.index) replied to \(caller.number): \(reply.words)")
            judge.replied(replica, caller, reply, at: now)
            noteReply(caller, reply)
        case .publish(let id, let snapshot):
            replica.board[id] = mutant == .publishedPastDue ? snapshot.past : snapshot
        case .withdraw(let id): replica.board[id] = nil
        case .explain(_, let explanation): judge.explained(replica, explanation, at: now)
        case .leaveAlone(let source, let until):
            if mutant != .sentAfterPause { replica.leaveAlone(source, until: until) }
        case .note: break
        }
    }

    private func scheduleWake(_ replica: Replica) {
        guard replica.isUp, let next = replica.tracker.nextWake, next < replica.wakeAt else {
            return
        }
        replica.wakeAt = next
        let lateness = random.permille(50) ? random.milliseconds(1...200) : .microseconds(2)
        let wait = replica.clock.time(showing: next) + lateness - now
        deliver(replica, after: max(.zero, wait)) { world in
            replica.wakeAt = .distantFuture
            world.step(replica, .woke)
        }
    }

    private func prepare(_ key: EntryKey, _ flight: UInt64, _ replica: Replica) {
        var failure: CredentialFailure?
        var span = random.milliseconds(0...20)
        if isFaulty, random.permille(scenario.oddCallShare / 5) {
            let fault = UpstreamFault(kind: random.pick([.tokenUnavailable, .tokenRefused]))
            span = random.milliseconds(0...5000)
            failure = CredentialFailure(fault: fault, retryIn: span * 3)
        }
        let reported = failure
        deliver(replica, after: span) { $0.step(replica, .prepared(key, flight: flight, reported)) }
    }

    // MARK: Faults

    func planFaults() {
        for fault in scenario.faults {
            at(.simulationStart + fault.at) { $0.happen(fault.kind) }
        }
        for _ in 0..<scenario.purges {
            let replica = random.pick(replicas)
            at(.simulationStart + random.span(.zero, scenario.activeSpan)) { $0.purge(replica) }
        }
        guard scenario.faults.contains(where: { $0.kind.isSetBack }) else { return }
        for _ in 0..<4 {
            at(.simulationStart + random.span(.zero, scenario.activeSpan)) {
                $0.store.keepSnapshot()
            }
        }
    }

    private func happen(_ fault: Scenario.Fault.Kind) {
        trace.note(now, "fault: \(fault)")
        switch fault {
        case .mood(let source, let mood): upstream.moods[source] = mood
        case .storeDown(let span):
            storeDownUntil = max(storeDownUntil, now + span)
            after(span) { $0.reconnect() }
        case .storeSlow(let span): storeSlowUntil = max(storeSlowUntil, now + span)
        case .storeWiped:
            let keepsSchema = swaps.permille(500)
            losePast { $0.wipe($1, keepsSchema: keepsSchema) }
        case .storeSetBack: losePast { $0.setBack($1, &random) }
        case .storeFailover(let lostWrites):
            losePast { $0.failOver($1, lostWrites: lostWrites) }
        case .wallStep(let index?, let span):
            replicas[min(index, replicas.count - 1)].wallOffset += span
        case .wallStep(nil, let span):
            wallOffset += span
            judge.wallStepped(at: now)
            // It is also the clock of a PostgreSQL.
            if store.isPostgres { stepServer(by: span) }
        case .drain(let index): drain(replicas[index])
        case .crash(let index): crash(replicas[index])
        case .pause(let index, let span): pause(replicas[index], span)
        }
    }

    /// The store's clock as read by a process that uses it as a file.
    private var storeTime: Instant {
        store.isPostgres ? now : store.clock.shows(now)
    }

    private func losePast(_ change: (inout SimStore, Instant) -> Void) {
        // Until now idle processes have had exchanges with the store as it was.
        keepAllBeating()
        let time = storeTime
        change(&store, time)
        judge.storeForgot(now)
        if store.isPostgres {
            let step: [Duration] = [
                .zero, .zero, .milliseconds(500), .zero - .milliseconds(500), .seconds(30),
                .zero - .seconds(30), .hour,
            ]
            serverChanged(clockStep: swaps.pick(step))
        }
        reconnect()
    }

    private func crash(_ replica: Replica) {
        guard replica.isUp else { return }
        trace.note(now, "\(replica.index) crashed")
        if mutant == .grantNotDurable {
            let keys = replica.calls.values.map(\.key)
            store.forgetGrants(of: keys)
        }
        replica.crash()
        judge.crashed(replica)
        after(random.milliseconds(10...20_000)) { $0.start(replica) }
    }

    /// A rolling restart: waiting callers are answered, and the process ends when no call is in flight.
    private func drain(_ replica: Replica) {
        deliver(replica, after: .zero) { world in
            guard !replica.isDraining else { return }
            world.trace.note(world.now, "\(replica.index) drains")
            world.judge.drained(replica, at: world.now)
            world.carryOut(replica.drain(at: world.now)[...], replica)
            world.scheduleWake(replica)
            world.deliver(replica, after: .seconds(25)) { $0.crash(replica) }
        }
    }

    func start(_ replica: Replica) {
        guard !replica.isUp else { return }
        trace.note(now, "\(replica.index) started")
        replica.start(seed: random.seed())
    }

    private func pause(_ replica: Replica, _ span: Duration) {
        guard replica.isUp else { return }
        trace.note(now, "\(replica.index) stopped for \(span)")
        replica.pause(from: now, for: span)
    }
}

extension Scenario.Fault.Kind {
    var isSetBack: Bool {
        if case .storeSetBack = self { true } else { false }
    }
}

extension Snapshot {
    /// Only mutants publish it: served while no call can be made.
    fileprivate var past: Snapshot {
        let until = answer.nextRefreshAt.map { min($0, answer.keptUntil) } ?? servableUntil
        return Snapshot(id, answer, servableUntil: max(until, servableUntil))
    }
}

extension Reply {
    var words: String {
        switch self {
        case .answer(let answer):
            "\(answer.words) \(answer.staleReason.map { $0.rawValue } ?? "fresh")"
        case .problem(let problem):
            "\(problem.code.rawValue) \(problem.sources.map(\.outcome))"
        }
    }
}
