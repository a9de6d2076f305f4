// The way to the store and back: delay, loss before and after the effect, outages.

@testable import StateStores
@testable import StatusCore

extension World {
    func lookUp(
        _ ids: [ActionID], _ replica: Replica,
        _ event: @escaping (Result<[LookRecord], StoreFailure>) -> Event
    ) {
        operate(
            replica,
            { world in
                ids.flatMap { world.store.lookUp($0, at: world.storeMoment(replica)) }
                    .map(world.mutated)
            },
            event)
    }

    func reserve(_ request: Reservation, _ flight: UInt64, _ replica: Replica) {
        var request = request
        if mutant == .ttlGate {
            request.hold = scenario.policy.sources[request.key.source]?.minInterval ?? .zero
        }
        let asked = request
        operate(
            replica,
            { world in
                let before = world.store.rows.look(asked.key)
                let isKnown = world.store.rows.base.isKnown(asked.key.id)
                var reply = world.store.reserve(asked, at: world.storeMoment(replica))
                if case .gateShut(let record) = reply.verdict {
                    reply.verdict = .gateShut(world.mutated(record))
                }
                world.trace.note(
                    world.now,
                    "\(replica.index) reserve \(asked.key.id) \(asked.key.source): "
                        + "\(reply.verdict.word)")
                guard case .granted = reply.verdict else { return reply }
                world.judge.granted(
                    asked.key, atStore: world.store.clock.shows(world.now), at: world.now)
                world.judgeGrant(asked.key, before)
                replica.grants[flight] = Share(
                    wasUnknown: !isKnown, wasNotFound: !isKnown && before?.notFoundSince != nil,
                    holder: isKnown ? nil : asked.holder)
                return reply
            },
            { .reserved(request.key, flight: flight, $0) })
    }

    private func judgeGrant(_ key: LookKey, _ before: KeptLook?) {
        guard let end = before?.answer, end.document.isDone else { return }
        guard store.clock.shows(now) < end.told.time + scenario.policy.terminalTTL else { return }
        judge.accuse(.finishedAskedAgainElsewhere, now, "\(key)")
    }

    func settle(_ settlement: Settlement, _ flight: UInt64, _ replica: Replica) {
        let asked = storeMoment(replica)
        let pause = settlement.pause
        let settlement = mutated(settlement)
        operate(
            replica,
            { world in
                // Said a second time, it changes nothing more.
                let told = world.store.rows.call(settlement.token)
                if let pause, told?.key != settlement.key || told?.state == .underWay {
                    let end = world.store.clock.shows(world.now) + pause
                    world.judge.paused(settlement.key.source, until: end)
                }
                let reply = world.store.settle(
                    settlement, asked: asked, at: world.storeMoment(replica))
                world.judge.kept(settlement, at: world.now)
                world.announce(settlement.key.id, by: replica)
                return reply
            },
            { .settled(settlement.key, flight: flight, $0) })
    }

    func purge(_ replica: Replica) {
        guard replica.isUp else { return }
        let policy = scenario.policy
        let retention = Retention(
            terminalTTL: policy.terminalTTL, staleMax: policy.staleMax, missMax: .seconds(86_400))
        let dropped = store.purge(retention, at: storeMoment(replica))
        trace.note(now, "\(dropped) rows purged")
    }

    // MARK: Notices

    /// Tells the other processes that an action has changed, unless that gets lost.
    private func announce(_ id: ActionID, by replica: Replica) {
        guard mutant != .noticesIgnored else { return }
        for other in replicas where other !== replica && other.isUp {
            if isFaulty, random.permille(scenario.noticeLossShare) { continue }
            let isLate = isFaulty && random.permille(scenario.noticeDelayShare)
            let delay = random.milliseconds(isLate ? 100...5000 : 1...20)
            deliver(other, after: delay) { $0.step(other, .noticed(.changed(id))) }
        }
        guard mutant != .changesNotAsked else { return }
        for other in replicas where other !== replica && other.isUp {
            let wait = changes.span(.zero, ChangeCursor.interval)
            askForChanges(id, other, after: wait)
        }
    }

    /// Every process asks its store again and again what others have changed. Here it does so only
    /// when there is something to be told, and until it is.
    private func askForChanges(_ id: ActionID, _ replica: Replica, after wait: Duration) {
        deliver(replica, after: wait) { world in
            let reply = { (world: World, result: Result<Void, StoreFailure>) in
                if case .success = result { return world.step(replica, .noticed(.changed(id))) }
                world.askForChanges(id, replica, after: ChangeCursor.interval)
            }
            world.operate(replica, { _ in }, reply: reply)
        }
    }

    /// Every process connects anew to a store that was away, and may have missed something.
    func reconnect() {
        guard mutant != .noticesIgnored else { return }
        for replica in replicas where replica.isUp {
            deliver(replica, after: random.milliseconds(1...3000)) {
                $0.trace.note($0.now, "\(replica.index) has connected anew")
                $0.step(replica, .noticed(.missed))
            }
        }
    }

    /// Carries one operation to the store and its reply back. After a failure nobody knows whether
    /// it took effect.
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
            let told = result
            world.deliver(replica, after: wait) { reply($0, told) }
        }
    }

    /// A store that takes longer, there or back, is in trouble.
    private static let answersWithin = Duration.milliseconds(100)

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
        return StoreMoment(time: store.clock.shows(now), wall: wall)
    }

    private func mutated(_ settlement: Settlement) -> Settlement {
        var settlement = settlement
        switch (mutant, settlement.gate) {
        case (.startToStart, .opens(let span)):
            settlement.gate = .opens(in: max(.zero, span - (settlement.sentAgo ?? .zero)))
        case (.openAfterFailure, .opens) where settlement.outcome != "answered":
            settlement.gate = .opens(in: .zero)
        case (.settleForgotten, _) where settlement.outcome != "answered":
            settlement.gate = .staysHeld
            settlement.pause = nil
            settlement.breaker = nil
            settlement.news = .none
        case (.openAfterTimeout, .staysHeld):
            let policy = scenario.policy.sources[settlement.key.source]
            settlement.gate = .opens(in: policy?.minInterval ?? .zero)
        default: break
        }
        return settlement
    }
}

extension World {
    /// What the wall clock of the process's machine shows.
    func wall(of replica: Replica) -> WallTime { now.wall + replica.wallOffset }

    private func mutated(_ record: LookRecord) -> LookRecord {
        guard mutant == .neighbourHidden, let policy = scenario.policy.sources[record.key.source]
        else { return record }
        var record = record
        record.opensIn = min(record.opensIn, policy.minInterval)
        return record
    }
}

extension SimStore {
    /// Only mutants do: grants that were in a process's memory are gone.
    mutating func forgetGrants(of keys: [LookKey]) {
        for key in keys {
            guard let owner = rows.base.look(key)?.token else { continue }
            rows.base.moveGate(of: key, opens: .distantPast, owner: owner)
        }
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
