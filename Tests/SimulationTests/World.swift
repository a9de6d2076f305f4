// The simulated world: one thread, one true time, and all events in one queue.

import HeapModule

@testable import StateStores
@testable import StatusCore

/// Runs a scenario: first requests and faults, then a part without faults in which all must recover.
final class World {
    let scenario: Scenario
    let mutant: Mutant?
    var now = Instant.simulationStart
    var random: SimRandom
    /// When processes ask their store for changes.
    var changes: SimRandom
    /// Faults of a PostgreSQL's reads and writes.
    var swaps: SimRandom
    var replicas: [Replica] = []
    var store: SimStore
    var upstream: SimUpstream
    var judge: Judge
    var trace: Trace
    /// The error of the wall clock of the store's machine.
    var wallOffset = Duration.zero
    var storeDownUntil = Instant.distantPast
    var storeSlowUntil = Instant.distantPast
    /// False from the part without faults on.
    var isFaulty = true

    private var queue = Heap<Happening>()
    private var happenings: UInt64 = 0
    private var callers: UInt64 = 0
    /// Requests of the part without faults, and what was wrong with the last reply to each kind.
    private var askedActions: [CallerID: AskedAction] = [:]
    private var lastWords: [AskedAction: String?] = [:]

    /// A run that does not end is a violation, too.
    static let happeningsMax: UInt64 = 60_000

    private struct AskedAction: Hashable {
        var replica: Int
        var id: ActionID
    }

    private struct Happening: Comparable {
        var at: Instant
        var number: UInt64
        var action: (World) -> Void

        static func < (a: Happening, b: Happening) -> Bool { (a.at, a.number) < (b.at, b.number) }
        static func == (a: Happening, b: Happening) -> Bool { a.number == b.number }
    }

    init(seed: UInt64, mutant: Mutant? = nil, isTraced: Bool = false) {
        random = SimRandom(seed: seed)
        scenario = Scenario(&random)
        changes = random.fork(0x6368_616e)
        swaps = random.fork(0x7377_6170)
        self.mutant = mutant
        store = SimStore(
            clock: DriftingClock(&random), isPostgres: scenario.isPostgres,
            hasStandby: scenario.hasStandby, mutant: mutant)
        upstream = SimUpstream(scenario, &random)
        judge = Judge(scenario)
        trace = Trace(isOn: isTraced)
        for index in 0..<scenario.replicas {
            replicas.append(Replica(index, scenario.policy, mutant, &random))
        }
    }

    /// Runs to the end, or to the first violation.
    func run() -> Judge.Violation? {
        planRequests()
        planFaults()
        at(.simulationStart + scenario.activeSpan) { $0.quieten() }
        while judge.violation == nil, let next = queue.popMin() {
            now = max(now, next.at)
            next.action(self)
            if happenings > Self.happeningsMax { judge.accuse(.tooBusy, now, "\(happenings)") }
        }
        if judge.violation == nil { judge.checkNobodyIsHeld(at: now) }
        return judge.violation
    }

    var happeningCount: UInt64 { happenings }

    // MARK: Time

    func at(_ time: Instant, _ action: @escaping (World) -> Void) {
        happenings += 1
        queue.insert(Happening(at: max(time, now), number: happenings, action: action))
    }

    func after(_ span: Duration, _ action: @escaping (World) -> Void) { at(now + span, action) }

    /// An event at a process, unless it crashes before; while the process is stopped, the event waits.
    func deliver(_ replica: Replica, after span: Duration, _ action: @escaping (World) -> Void) {
        deliver(replica, life: replica.life, at: now + span, action)
    }

    private func deliver(
        _ replica: Replica, life: Int, at time: Instant, _ action: @escaping (World) -> Void
    ) {
        at(time) { world in
            if replica.isUp, replica.pausedUntil <= world.now { world.finishEffects(replica) }
            guard replica.isUp, replica.life == life else { return }
            guard replica.pausedUntil <= world.now else {
                return world.deliver(replica, life: life, at: replica.pausedUntil, action)
            }
            action(world)
        }
    }

    /// The reading of the wall clock of the store's machine.
    var wall: WallTime { now.wall + wallOffset }

    // MARK: Requests

    private func planRequests() {
        for _ in 0..<scenario.requests {
            let time = Instant.simulationStart + random.span(.zero, scenario.activeSpan)
            let id = random.pick(scenario.ids)
            let replica = random.pick(replicas)
            for _ in 0..<(random.permille(150) ? random.within(2...6) : 1) {
                at(time) { $0.comeIn(replica, id) }
            }
        }
    }

    private func comeIn(_ replica: Replica, _ spelled: ActionID) {
        let id = random.fork(0x6361_7365).permilleOnce(200) ? spelled.inOtherCase : spelled
        judge.checkAgreement(replica, id, at: now)
        guard replica.isUp else { return }
        if random.permille(50) {
            callers += 1
            let caller = CallerID(callers)
            return deliver(replica, after: .zero) {
                $0.step(replica, .explanationAsked(caller, id))
            }
        }
        let leaves = random.permille(150)
        deliver(replica, after: .zero) { world in
            let question = world.draw(id, replica)
            guard let caller = world.ask(replica, question), leaves else { return }
            world.deliver(replica, after: world.random.milliseconds(1...5000)) { world in
                guard world.judge.isHeld(caller) else { return }
                world.judge.left(replica, caller, at: world.now)
                world.step(replica, .left(caller))
            }
        }
    }

    private func draw(_ id: ActionID, _ replica: Replica) -> Question {
        var others = random.fork(0x6b65_7973)
        var question = drawPlain(id, replica)
        question.holder = others.pick([nil, nil, "a", "a", "b"])
        question.place = others.pick([0, 0, 0, 1, 2, Scenario.placeMax])
        if question.patience == .none, others.permille(200),
            let known = replica.answerOnBoard(question, at: now)
        {
            let deadline = replica.clock.shows(now) + others.span(.seconds(1), .seconds(300))
            question.patience = .update(
                from: known.document.tag, known.staleReason, deadline: deadline)
        }
        return question
    }

    private func drawPlain(_ id: ActionID, _ replica: Replica) -> Question {
        let source = random.permille(150) ? random.pick(scenario.policy.configured) : nil
        let deadline = replica.clock.shows(now) + random.span(.seconds(1), .seconds(120))
        switch random.below(5) {
        case 0: return Question(id: id, source: source, patience: .done(deadline: deadline))
        case 1:
            return Question(
                id: id, source: source, patience: .change(from: nil, deadline: deadline))
        default: return Question(id: id, source: source)
        }
    }

    /// Asks as the service does: the published answers first. Nil: answered from there.
    @discardableResult
    private func ask(_ replica: Replica, _ question: Question) -> CallerID? {
        if let answer = replica.answerOnBoard(question, at: now) {
            trace.note(now, "\(replica.index) board \(question.id) \(answer.words)")
            judge.reported(replica, question.id, answer, at: now)
            return nil
        }
        callers += 1
        let caller = CallerID(callers)
        trace.note(now, "\(replica.index) asked by \(caller.number): \(question.words)")
        judge.asked(replica, caller, question, at: now)
        step(replica, .asked(caller, question))
        return caller
    }

    // MARK: The quiet ending

    /// A negative result lasts up to an hour, and refreshes wait for budgets.
    private var roundSpan: Duration {
        max(.seconds(4000), Self.turnSpan * scenario.ids.count * replicas.count)
    }
    private static let rounds = 2
    /// Spread out, so that small budgets suffice.
    private static let turnSpan = Duration.seconds(75)

    private func quieten() {
        isFaulty = false
        storeDownUntil = now
        storeSlowUntil = now
        upstream.moods = [:]
        trace.note(now, "quiet from here on")
        for replica in replicas where !replica.isUp { start(replica) }
        heartbeats()
        // By then pauses, held gates, quarantines and the breaker's pauses are over.
        let first = Duration.seconds(1000)
        for round in 0..<Self.rounds {
            for (index, replica) in replicas.enumerated() {
                for (number, id) in scenario.ids.enumerated() {
                    let turn = Self.turnSpan * (number * replicas.count + index)
                    after(first + roundSpan * round + turn) {
                        $0.deliver(replica, after: .zero) { $0.askForTruth(id, replica) }
                    }
                }
            }
        }
        after(first + roundSpan * Self.rounds) { $0.judgeRecovery() }
    }

    private func askForTruth(_ id: ActionID, _ replica: Replica) {
        let action = AskedAction(replica: replica.index, id: id)
        askedActions[CallerID(callers + 1)] = action
        guard ask(replica, Question(id: id)) == nil else { return }
        askedActions[CallerID(callers + 1)] = nil
        if let found = replica.board[id] {
            lastWords.updateValue(trouble(.answer(found.answer), id), forKey: action)
        }
    }

    func noteReply(_ caller: CallerID, _ reply: Reply) {
        guard let action = askedActions.removeValue(forKey: caller) else { return }
        lastWords.updateValue(trouble(reply, action.id), forKey: action)
    }

    /// Every requested action is reported as it is, unless the day's budget does not allow it, or an
    /// answer is dropped before its action may be requested again.
    private func judgeRecovery() {
        let limits = scenario.policy.configured.compactMap { scenario.policy.sources[$0] }
        let isPossible = limits.allSatisfy {
            $0.budget.perDay == nil && $0.minInterval < scenario.policy.staleMax
        }
        guard isPossible else { return }
        for replica in replicas {
            for id in scenario.ids {
                let word = lastWords[
                    AskedAction(replica: replica.index, id: id), default: "nothing"]
                guard let word else { continue }
                judge.accuse(.neverRecovered, now, "replica \(replica.index): \(id): \(word)")
            }
        }
    }

    /// What is wrong with a reply when there are no faults; nil: nothing.
    private func trouble(_ reply: Reply, _ id: ActionID) -> String? {
        let homes = scenario.policy.configured.filter { upstream.exists(EntryKey($0, id)) }
        switch reply {
        case .answer(let answer):
            let key = EntryKey(answer.document.source, id)
            guard let truth = upstream.revision(key, at: now) else { return "what does not exist" }
            let reported = String(decoding: answer.document.bytes, as: UTF8.self)
            return reported == "\(truth)" ? nil : "\(reported) instead of \(truth)"
        case .problem(let problem):
            if problem.code == .notFound { return homes.isEmpty ? nil : "not found" }
            if problem.code == .ambiguous { return homes.count > 1 ? nil : "ambiguous" }
            return "\(problem)"
        }
    }
}

extension Answer {
    var words: String { "revision \(String(decoding: document.bytes, as: UTF8.self))" }
}

extension Question {
    var words: String { "\(id) \(source.map(\.name) ?? "any") \(patience)" }
}

extension ActionID {
    /// A UUID in another letter case; any other id unchanged.
    var inOtherCase: ActionID {
        guard let other = ActionID(text.uppercased()), other == self else { return self }
        return other.text == text ? ActionID(text.lowercased()) ?? self : other
    }
}
