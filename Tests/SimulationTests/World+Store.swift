// The way to the store and back: delay, loss before and after the effect, outages.

@testable import StateStores
@testable import StatusCore

extension World {
    /// Credentials are mostly at hand.
    func lookUp(_ id: ActionID, orReserve requests: [Reservation], _ replica: Replica) {
        let ready = requests.filter { _ in !random.permille(200) }
        lookUp([id], orReserve: ready.map(mutated), replica) { .lookedUp(id, $0) }
    }

    func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation] = [], _ replica: Replica,
        _ event: @escaping (Result<LookUpReply, StoreFailure>) -> Event
    ) {
        let flights = requests.map { replica.flight($0.key) ?? 0 }
        let reported = { (world: World, reply: LookUpReply, before: StoreState, time: Instant) in
            for (request, flight) in zip(requests, flights) {
                guard let slot = reply.reservations[request.key.source] else { continue }
                world.judgeReservation(request, flight, replica, slot, before: before, at: time)
            }
        }
        if store.isPostgres {
            let request = StoreOperation.Request.lookUp(ids, requests) { _ in }
            return decide(
                replica, request, { $0.lookUpReply.map(self.mutated) },
                committed: { world, decision in
                    guard let reply = decision.lookUpReply else { return }
                    reported(world, reply, decision.before, decision.now)
                }, event)
        }
        operate(
            replica,
            { world in
                let before = world.store.state
                let reply = world.store.lookUp(
                    ids, orReserve: requests, at: world.storeMoment(replica))
                reported(world, reply, before, world.store.clock.shows(world.now))
                return world.mutated(reply)
            },
            event)
    }

    func reserve(_ request: Reservation, _ flight: UInt64, _ replica: Replica) {
        let asked = mutated(request)
        if store.isPostgres {
            return decide(
                replica, .reserve(asked) { _ in }, { $0.reply(asked, self) },
                committed: { world, decision in
                    guard let reply = decision.reply(asked, world) else { return }
                    world.judgeReservation(
                        asked, flight, replica, reply, before: decision.before,
                        at: decision.now)
                }, { .reserved(asked.key, flight: flight, $0) })
        }
        operate(
            replica,
            { world in
                let before = world.store.state
                var reply = world.store.reserve(asked, at: world.storeMoment(replica))
                if case .gateShut(let record) = reply.verdict {
                    reply.verdict = .gateShut(world.mutated(record))
                }
                world.judgeReservation(
                    asked, flight, replica, reply, before: before,
                    at: world.store.clock.shows(world.now))
                return reply
            },
            { .reserved(asked.key, flight: flight, $0) })
    }

    private func judgeReservation(
        _ asked: Reservation, _ flight: UInt64, _ replica: Replica, _ reply: ReservationReply,
        before: StoreState, at time: Instant
    ) {
        trace.note(
            now,
            "\(replica.index) reserve \(asked.key.id) \(asked.key.source): \(reply.verdict.word)")
        guard case .granted = reply.verdict else { return }
        judge.granted(asked.key, atStore: time, at: now)
        let entry = before.entries[asked.key]
        judgeGrant(asked.key, entry, at: time)
        let isKnown = before.isKnown(asked.key.id)
        replica.grants[flight] = Share(
            wasUnknown: !isKnown, wasNotFound: !isKnown && entry?.notFoundSince != nil,
            holder: isKnown ? nil : asked.holder)
    }

    private func judgeGrant(_ key: EntryKey, _ before: StoredEntry?, at time: Instant) {
        guard let end = before?.answer, end.isDone else { return }
        guard time < end.answered.time + scenario.policy.terminalTTL else { return }
        judge.accuse(.finishedAskedAgainElsewhere, now, "\(key)")
    }

    func complete(_ completion: Completion, _ flight: UInt64, _ replica: Replica) {
        let asked = storeMoment(replica)
        let pause = completion.pause
        let completion = mutated(completion)
        if store.isPostgres {
            return decide(
                replica, .complete(completion) { _ in }, { $0.reply(completion) },
                committed: { world, decision in
                    if let pause, !decision.before.hasCompleted(completion) {
                        world.judge.paused(
                            completion.key.source, until: decision.now + pause)
                    }
                    world.completed(completion, by: replica)
                }, { .completed(completion.key, flight: flight, $0) })
        }
        operate(
            replica,
            { world in
                // Repeated, it changes nothing more.
                if let pause, !world.store.state.hasCompleted(completion) {
                    let end = world.store.clock.shows(world.now) + pause
                    world.judge.paused(completion.key.source, until: end)
                }
                let reply = world.store.complete(
                    completion, asked: asked, at: world.storeMoment(replica))
                world.completed(completion, by: replica)
                return reply
            },
            { .completed(completion.key, flight: flight, $0) })
    }

    private func completed(_ completion: Completion, by replica: Replica) {
        judge.kept(completion, at: now)
        announce(completion.key.id, by: replica)
    }

    func purge(_ replica: Replica) {
        guard replica.isUp else { return }
        let policy = scenario.policy
        let retention = Retention(
            terminalTTL: policy.terminalTTL, staleMax: policy.staleMax,
            negativeMax: .seconds(86_400))
        let dropped = store.purge(retention, at: storeMoment(replica))
        trace.note(now, "\(dropped) rows purged")
    }

    // MARK: Notices

    /// Notifies the other processes that an action has changed, unless the notification gets lost.
    private func announce(_ id: ActionID, by replica: Replica) {
        guard mutant != .noticesIgnored else { return }
        for other in replicas where other !== replica && other.isUp {
            if isFaulty, random.permille(scenario.noticeLossShare) { continue }
            let isLate = isFaulty && random.permille(scenario.noticeDelayShare)
            let delay = random.milliseconds(isLate ? 100...5000 : 1...20)
            deliver(other, after: delay) { $0.step(other, .notified(.changed(id))) }
        }
        guard mutant != .changesNotAsked else { return }
        for other in replicas where other !== replica && other.isUp {
            let wait = changes.span(.zero, ChangeCursor.interval)
            askForChanges(id, other, after: wait)
        }
    }

    /// Every process regularly asks its store for others' changes. Here it does so only while there are
    /// some.
    private func askForChanges(_ id: ActionID, _ replica: Replica, after wait: Duration) {
        deliver(replica, after: wait) { world in
            let reply = { (world: World, result: Result<Void, StoreFailure>) in
                if case .success = result { return world.step(replica, .notified(.changed(id))) }
                world.askForChanges(id, replica, after: ChangeCursor.interval)
            }
            world.operate(replica, { _ in }, reply: reply)
        }
    }

    /// Every process reconnects to a store that was unreachable, and may have missed changes.
    func reconnect() {
        guard mutant != .noticesIgnored else { return }
        for replica in replicas where replica.isUp {
            deliver(replica, after: random.milliseconds(1...3000)) {
                $0.trace.note($0.now, "\(replica.index) has connected anew")
                $0.step(replica, .notified(.missed))
            }
        }
    }

    /// Delivers one operation to the store and its reply back. After a failure it is uncertain whether
    /// the operation took effect.
    private func operate<Value>(
        _ replica: Replica, _ work: @escaping (World) -> Value,
        _ event: @escaping (Result<Value, StoreFailure>) -> Event
    ) {
        operate(replica, work) { $0.step(replica, event($1)) }
    }

    private func operate<Value>(
        _ replica: Replica, _ work: @escaping (World) -> Value,
        reply: @escaping (World, Result<Value, StoreFailure>) -> Void
    ) {
        let isLost = isFaulty && random.permille(scenario.storeFailureShare)
        let takesEffect = !isLost || random.permille(500)
        let due = max(now + storeDelay(), replica.lastStoreOperation)
        replica.lastStoreOperation = due
        if isLost || due - now > Self.answersWithin { judge.storeFailed(replica, until: due) }
        let life = replica.life
        at(due) { world in
            let isDown = world.now < world.storeDownUntil
            var result = Result<Value, StoreFailure>.failure(.unavailable("lost"))
            if takesEffect, !isDown {
                let value = work(world)
                if !isLost { result = .success(value) }
            }
            guard replica.life == life else { return }
            let wait = isDown && world.random.permille(300) ? .seconds(5) : world.storeDelay()
            if isLost || isDown || wait > Self.answersWithin {
                world.judge.storeFailed(replica, until: world.now + wait)
            }
            let reported = result
            world.deliver(replica, after: wait) { reply($0, reported) }
        }
    }

    /// A store that takes longer, in either direction, counts as failing.
    static let answersWithin = Duration.milliseconds(100)

    private func storeDelay() -> Duration {
        if now < storeSlowUntil { return random.milliseconds(100...3000) }
        let slowest = scenario.isCalm ? 100 : 400
        return random.milliseconds(random.permille(20) ? 50...slowest : 0...5)
    }

    private func storeMoment(_ replica: Replica) -> StoreMoment {
        if mutant == .wallClockGate {
            let time = Instant(nanoseconds: wall(of: replica).milliseconds * 1_000_000)
            return StoreMoment(time: time, wall: wall)
        }
        let time = store.clock.shows(now)
        guard store.isPostgres, let meta = store.content.meta else {
            return StoreMoment(time: time, wall: wall)
        }
        return StoreMoment(
            time: max(time + store.server.step + meta.clockOffset, meta.lastTime), wall: wall)
    }

    private func mutated(_ request: Reservation) -> Reservation {
        guard mutant == .ttlGate else { return request }
        var request = request
        request.hold = scenario.policy.sources[request.key.source]?.minInterval ?? .zero
        return request
    }

    private func mutated(_ completion: Completion) -> Completion {
        var completion = completion
        switch (mutant, completion.gate) {
        case (.startToStart, .opens(let span)):
            completion.gate = .opens(in: max(.zero, span - (completion.sentAgo ?? .zero)))
        case (.openAfterFailure, .opens) where completion.outcome != "answered":
            completion.gate = .opens(in: .zero)
        case (.completionForgotten, _) where completion.outcome != "answered":
            completion.gate = .staysHeld
            completion.pause = nil
            completion.breaker = nil
            completion.observation = .none
        case (.openAfterTimeout, .staysHeld):
            let policy = scenario.policy.sources[completion.key.source]
            completion.gate = .opens(in: policy?.minInterval ?? .zero)
        default: break
        }
        return completion
    }
}

extension World {
    /// The reading of the wall clock of the process's machine.
    func wall(of replica: Replica) -> WallTime { now.wall + replica.wallOffset }

    fileprivate func mutated(_ reply: LookUpReply) -> LookUpReply {
        LookUpReply(reply.records.map(mutated), reservations: reply.reservations)
    }

    fileprivate func mutated(_ record: EntryRecord) -> EntryRecord {
        guard mutant == .neighbourHidden, let policy = scenario.policy.sources[record.key.source]
        else { return record }
        var record = record
        record.opensIn = min(record.opensIn, policy.minInterval)
        return record
    }
}

extension ReservationReply.Verdict {
    var word: String {
        switch self {
        case .granted: "granted"
        case .gateShut(let record): "shut for \(record.opensIn)"
        case .budgetSpent(let opensIn, let kind): "\(kind.rawValue) spent for \(opensIn)"
        case .paused(let opensIn): "paused for \(opensIn)"
        case .resting(let opensIn): "resting for \(opensIn)"
        case .quarantined(let opensIn): "quarantined for \(opensIn)"
        }
    }
}

extension PostgresDecision {
    fileprivate func reply(_ request: Reservation, _ world: World) -> ReservationReply? {
        guard case .reserved(var reply) = outcomes[0] else { return nil }
        if case .gateShut(let record) = reply.verdict {
            reply.verdict = .gateShut(world.mutated(record))
        }
        return reply
    }

    fileprivate var lookUpReply: LookUpReply? {
        guard case .lookedUp(let reply) = outcomes[0] else { return nil }
        return reply
    }

    fileprivate func reply(_ completion: Completion) -> CompletionReply? {
        guard case .completed(let reply) = outcomes[0] else { return nil }
        return reply
    }
}
