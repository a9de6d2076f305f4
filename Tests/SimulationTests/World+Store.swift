// The way to the store and back: delay, loss before and after the effect, outages.

@testable import StateStores
@testable import StatusCore

extension World {
    func lookUp(_ id: ActionID, _ replica: Replica) {
        operate(
            replica,
            { world in world.store.lookUp(id, at: world.storeMoment) },
            { .lookedUp(id, $0) })
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
                let wasUnknown = !world.store.rows.isReallyKnown(asked.key.id)
                let reply = world.store.reserve(asked, at: world.storeMoment)
                world.trace.note(
                    world.now,
                    "\(replica.index) reserve \(asked.key.id) \(asked.key.source): "
                        + "\(reply.verdict.word)")
                guard case .granted = reply.verdict else { return reply }
                world.judge.granted(
                    asked.key, atStore: world.store.clock.shows(world.now), at: world.now)
                world.judgeGrant(asked.key, before)
                replica.grants[flight] = wasUnknown
                return reply
            },
            { .reserved(request.key, flight: flight, $0) })
    }

    private func judgeGrant(_ key: LookKey, _ before: KeptLook?) {
        guard isStrict, before?.answer?.document.isDone == true else { return }
        judge.accuse(.finishedAskedAgainElsewhere, now, "\(key)")
    }

    func settle(_ settlement: Settlement, _ flight: UInt64, _ replica: Replica) {
        let asked = storeMoment
        let settlement = mutated(settlement)
        operate(
            replica,
            { world in
                if let pause = settlement.pause {
                    let end = world.store.clock.shows(world.now) + pause
                    world.judge.paused(settlement.key.source, until: end)
                }
                return world.store.settle(settlement, asked: asked, at: world.storeMoment)
            },
            { .settled(settlement.key, flight: flight, $0) })
    }

    /// Carries one operation to the store and its reply back. After a failure nobody knows whether
    /// it took effect.
    private func operate<Value>(
        _ replica: Replica, _ work: @escaping (World) -> Value,
        _ event: @escaping (Result<Value, StoreFailure>) -> Event
    ) {
        let isLost = isFaulty && random.permille(scenario.storeFailureShare)
        let takesEffect = !isLost || random.permille(500)
        let due = max(now + storeDelay(), replica.lastStoreOperation)
        replica.lastStoreOperation = due
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
            let told = result
            world.deliver(replica, after: wait) { $0.step(replica, event(told)) }
        }
    }

    private func storeDelay() -> Duration {
        if now < storeSlowUntil { return random.milliseconds(100...3000) }
        return random.permille(20) ? random.milliseconds(50...400) : random.milliseconds(0...5)
    }

    private var storeMoment: StoreMoment {
        if mutant == .wallClockGate {
            return StoreMoment(
                time: Instant(nanoseconds: wall.milliseconds * 1_000_000), wall: wall)
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
        case (.openAfterTimeout, .staysHeld):
            let policy = scenario.policy.sources[settlement.key.source]
            settlement.gate = .opens(in: policy?.minInterval ?? .zero)
        default: break
        }
        return settlement
    }
}

extension SimStore {
    /// Only mutants do: grants that were in a process's memory are gone.
    mutating func forgetGrants(of keys: [LookKey]) {
        for key in keys { rows.contents.looks[key]?.opens = .distantPast }
    }
}

extension ReservationReply.Verdict {
    var word: String {
        switch self {
        case .granted: "granted"
        case .gateShut(let record): "shut for \(record.opensIn)"
        case .budgetSpent(let opensIn, let kind): "\(kind.rawValue) spent for \(opensIn)"
        case .paused(let opensIn): "paused for \(opensIn)"
        case .quarantined(let opensIn): "quarantined for \(opensIn)"
        }
    }
}
