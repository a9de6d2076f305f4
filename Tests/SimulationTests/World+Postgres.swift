// A model of a PostgreSQL store: rows are read, decided on in the process, and written if nothing else
// has been written since. Every message can get lost, and the server can be another one afterwards.

@testable import StateStores
@testable import StatusCore

/// The server side of such a store.
struct SimServer {
    /// Identifies its data; changed by every promotion.
    var timeline = 1
    /// Raised by every start.
    var starts = 1
    /// By how much its clock was set ahead or back.
    var step = Duration.zero

    var home: String { "cluster/\(timeline)/database/table" }
}

extension World {
    /// One operation, after those that the process requested before. `committed` is called when it has
    /// taken effect, or has found nothing to write.
    func decide<Value>(
        _ replica: Replica, _ request: StoreOperation.Request,
        _ value: @escaping (PostgresDecision) -> Value?,
        committed: @escaping (World, PostgresDecision) -> Void = { _, _ in },
        _ event: @escaping (Result<Value, StoreFailure>) -> Event
    ) {
        let asked = replica.clock.shows(now)
        let askedAt = now
        let life = replica.life
        let end = { (world: World, result: Result<PostgresDecision, StoreFailure>) in
            guard replica.life == life else { return }
            if world.now - askedAt > Self.answersWithin {
                world.judge.storeFailed(replica, until: world.now)
            }
            replica.storeQueue.removeFirst()
            replica.storeQueue.first?(world)
            let reported = result.flatMap { decision in
                value(decision).map { .success($0) } ?? .failure(.unavailable("too late"))
            }
            world.step(replica, event(reported))
        }
        let task = PostgresTask(
            operation: StoreOperation(request: request, asked: asked), deadline: .now)
        replica.storeQueue.append { world in
            let isLost = world.isFaulty && world.swaps.permille(world.scenario.storeFailureShare)
            world.attempt(
                replica, PostgresBatch(tasks: [task]), SimLoss(isLost, &world.swaps),
                committed, end)
        }
        if replica.storeQueue.count == 1 { replica.storeQueue[0](self) }
    }

    private typealias End = (World, Result<PostgresDecision, StoreFailure>) -> Void

    /// Reads, and continues when the reply has arrived.
    private func attempt(
        _ replica: Replica, _ batch: PostgresBatch, _ loss: SimLoss?,
        _ committed: @escaping (World, PostgresDecision) -> Void, _ end: @escaping End
    ) {
        let sent = replica.clock.shows(now)
        at(now + swapDelay(replica)) { world in
            guard world.isReachable, loss != .reading else { return world.fail(replica, end) }
            let (sight, content) = (world.store.sight(at: world.now), world.store.content)
            world.deliver(replica, after: world.swapDelay(replica)) { world in
                world.decided(
                    replica, batch, sight, content, sent: sent, loss, committed, end)
            }
        }
    }

    private func decided(
        _ replica: Replica, _ batch: PostgresBatch, _ sight: PostgresSight,
        _ content: SimStore.Content, sent: Instant, _ loss: SimLoss?,
        _ committed: @escaping (World, PostgresDecision) -> Void, _ end: @escaping End
    ) {
        keepBeating(replica)
        let local = replica.clock.shows(now)
        let reading = judge(sight, by: replica, sent: sent, received: local)
        var batch = batch
        batch.carried = replica.memory.lostCalls(after: reading)
        if let task = batch.tasks.first, local - task.operation.asked > .seconds(2),
            !task.operation.request.reservations.isEmpty
        {
            return end(self, .failure(.unavailable("too late")))
        }
        let found = PostgresFound(state: content.state, calls: content.journal.tokens)
        let decision = PostgresDecision(batch, found, reading.judgement, replica.memory)
        guard decision.writes(over: sight.meta) else {
            replica.memory.keep(unchanged: decision.meta)
            committed(self, decision)
            return end(self, .success(decision))
        }
        at(now + swapDelay(replica)) { world in
            guard world.isReachable, loss != .writing else { return world.fail(replica, end) }
            if decision.meta.clockOffset != sight.meta?.clockOffset { world.keepAllBeating() }
            guard world.store.swap(decision, over: sight.meta) else {
                return world.deliver(replica, after: world.swapDelay(replica)) { world in
                    world.attempt(replica, batch, nil, committed, end)
                }
            }
            committed(world, decision)
            if loss == .reply { return world.fail(replica, end) }
            world.deliver(replica, after: world.swapDelay(replica)) { world in
                replica.memory.keep(decision, over: sight.meta, reading)
                replica.beatAt = world.now
                end(world, .success(decision))
            }
        }
    }

    /// The process's decision on what it has read, changed by the mutants.
    private func judge(
        _ sight: PostgresSight, by replica: Replica, sent: Instant, received: Instant
    ) -> PostgresMemory.Reading {
        switch mutant {
        case .continuityForgotten: replica.memory.continuity = PostgresContinuity()
        case .clockFollowed: replica.memory.clock = ClockBounds()
        default: break
        }
        var reading = replica.memory.judge(sight, sent: sent, received: received)
        switch mutant {
        case .timeLostWithThePast: reading.judgement = replica.memory.continuity.judge(sight)
        case .startupBarrierMissing: reading.judgement.meta.barrier = nil
        default: break
        }
        return reading
    }

    private var isReachable: Bool { now >= storeDownUntil }

    private func fail(_ replica: Replica, _ end: @escaping End) {
        let wait = swaps.permille(300) ? Duration.seconds(5) : swaps.milliseconds(0...20)
        judge.storeFailed(replica, until: now + wait)
        deliver(replica, after: wait) { end($0, .failure(.unavailable("lost"))) }
    }

    private func swapDelay(_ replica: Replica) -> Duration {
        var span = swaps.milliseconds(
            swaps.permille(20) ? 20...(scenario.isCalm ? 30 : 200) : 0...3)
        if now < storeSlowUntil { span = swaps.milliseconds(50...1500) }
        if span > Self.answersWithin { judge.storeFailed(replica, until: now + span) }
        return span
    }

    // MARK: Another server

    /// The server is another one, or was restarted. Replicas reconnect within 3 s, and object if they
    /// remember more; if none of the running ones does, an operator must quarantine the store.
    func serverChanged(clockStep: Duration) {
        store.server.starts += 1
        stepServer(by: clockStep)
        let running = replicas.filter { $0.isUp && $0.pausedUntil <= now }
        guard let witness = running.first(where: { $0.memory.objects(to: store.sight(at: now)) })
        else { return store.declareQuarantine(now) }
        let life = witness.life
        at(now + swaps.milliseconds(1...3000)) { world in
            guard witness.life == life, witness.isUp, witness.pausedUntil <= world.now else {
                return world.store.declareQuarantine(world.now)
            }
            world.beat(witness)
        }
    }

    /// An idle process's heartbeats every few seconds: here they happen with the next event, for the
    /// time since the last exchange.
    private func keepBeating(_ replica: Replica) {
        defer { replica.beatAt = now }
        guard replica.memory.clock != ClockBounds(), let meta = store.content.meta else { return }
        for time in stride(
            from: replica.beatAt.nanoseconds, to: now.nanoseconds, by: 30_000_000_000)
        {
            let time = Instant(nanoseconds: time)
            // It sent nothing while it was stopped.
            guard time < replica.pausedFrom || time >= replica.pausedUntil else { continue }
            let shown = store.clock.shows(time) + store.server.step + meta.clockOffset
            let local = replica.clock.shows(time)
            _ = replica.memory.clock.take(shown, sent: local, received: local)
        }
    }

    func keepAllBeating() {
        for replica in replicas where replica.isUp && replica.pausedUntil <= now {
            keepBeating(replica)
        }
    }

    /// A process that knows the time better reaches the server before any other does.
    func stepServer(by span: Duration) {
        guard span != .zero else { return }
        let running = replicas.filter { $0.isUp && $0.pausedUntil <= now }
        guard running.contains(where: { $0.memory.clock != ClockBounds() }) else { return }
        keepAllBeating()
        store.server.step += span
        judge.wallStepped(at: now)
        judge.agesLost()
        if let witness = running.first(where: { $0.memory.clock != ClockBounds() }) {
            beat(witness)
        }
    }

    /// Idle processes notice what has become of a database.
    func heartbeats() {
        guard store.isPostgres else { return }
        keepAllBeating()
        for replica in replicas { deliver(replica, after: .zero) { $0.beat(replica) } }
    }

    /// A round trip that takes no time.
    private func beat(_ replica: Replica) {
        let (sight, local) = (store.sight(at: now), replica.clock.shows(now))
        let reading = judge(sight, by: replica, sent: local, received: local)
        let batch = PostgresBatch(tasks: [], carried: replica.memory.lostCalls(after: reading))
        let found = PostgresFound(
            state: store.content.state, calls: store.content.journal.tokens)
        let decision = PostgresDecision(batch, found, reading.judgement, replica.memory)
        if decision.meta.clockOffset != sight.meta?.clockOffset { keepAllBeating() }
        if decision.writes(over: sight.meta) {
            guard store.swap(decision, over: sight.meta) else { return }
            replica.memory.keep(decision, over: sight.meta, reading)
        } else {
            replica.memory.keep(unchanged: decision.meta)
        }
        replica.beatAt = now
    }
}

/// In which direction a message gets lost.
enum SimLoss {
    case reading
    case writing
    /// It has taken effect, but no process learns of it.
    case reply

    init?(_ isLost: Bool, _ random: inout SimRandom) {
        guard isLost else { return nil }
        self = random.pick([.reading, .writing, .reply])
    }
}

extension SimStore {
    func sight(at time: Instant) -> PostgresSight {
        PostgresSight(
            meta: content.meta, home: server.home, serverStart: "\(server.starts)",
            clock: clock.shows(time) + server.step)
    }

    /// Writes the rows that a decision has changed, unless another process has written since.
    mutating func swap(_ decision: PostgresDecision, over found: PostgresMeta?) -> Bool {
        let isCurrent =
            content.meta?.epoch == found?.epoch && content.meta?.revision == found?.revision
        guard isCurrent || mutant == .staleWrite else { return false }
        let before = past
        let (old, new) = (decision.before, decision.after)
        for entry in new.entries where old.entries[entry.key] != entry {
            content.state.entries[entry.key] = entry
        }
        for (key, document) in new.documents where old.documents[key] != document {
            content.state.documents[key] = document
        }
        for (source, state) in new.sources where old.sources[source] != state {
            content.state.sources[source] = state
        }
        content.state.lastToken = new.lastToken
        content.state.events = new.events
        var meta = decision.meta
        meta.revision = max(found?.revision ?? 0, content.meta?.revision ?? 0) + 1
        meta.lastTime = decision.now
        content.meta = meta
        keep(in: before)
        return true
    }

    /// What the documentation has operators do where no replica can detect a loss.
    mutating func declareQuarantine(_ now: Instant) {
        guard var meta = content.meta else { return }
        meta.epoch += 1
        meta.revision += 1
        meta.lastTime = max(clock.shows(now) + server.step + meta.clockOffset, meta.lastTime)
        meta.lossDetectedAt = meta.lastTime
        content.meta = meta
    }
}
