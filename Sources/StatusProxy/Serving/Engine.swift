// Carries out the tracker's decisions: the only place where events, effects, stores and upstreams
// meet. All work is done on one serial queue, in turns of a few milliseconds.

import Dispatch
import Locking
import StatusAPI
import StatusCore
import Synchronization

/// Runs the tracker.
///
/// `@unchecked Sendable`: every stored variable is touched on `queue` only; calls from other queues
/// (`ask`, `leave`, `drain`, replies of ports) add an arrival for the next turn there.
final class Engine: @unchecked Sendable {
    /// The transport's queue has the same target, and runs between two turns.
    private let queue: DispatchQueue
    /// For large bodies, which take milliseconds to read.
    private let normalizing = DispatchQueue(
        label: "status-proxy.normalizing", attributes: .concurrent)
    private var tracker: ActionTracker
    private let store: any StateStore
    private let clients: PerSource<any UpstreamClient>
    private let readers: PerSource<any StateReader>
    private let responses: ResponseCache
    private let observer: any EngineObserver
    private let retention: Retention
    private let purgeInterval: Duration
    private var troubles = StoreTroubles()

    private let callers = Atomic<UInt64>(1)
    private let arrivals = Guarded(Arrivals())
    private var backlog = EngineBacklog()
    private var held: [CallerID: AskedQuestions] = [:]
    private var inquiries: [CallerID: @Sendable (Explanation) -> Void] = [:]
    /// The number of actions that are being looked up in the store for callers.
    private var lookUps = 0
    private let shownFigures = Guarded(EngineFigures())
    private let wakeTimer: any DispatchSourceTimer
    private let purgeTimer: any DispatchSourceTimer
    private var wakeAt = Instant.distantFuture
    private let policy: TrackerPolicy
    /// Whether the sources are registered in the store; before that, no call is reserved.
    private var isRegistered = false
    private var whenQuiet: (@Sendable () -> Void)?

    /// Up to this size a body is read at once: switching queues would take longer.
    private static let smallBodyMax = 16_384

    /// How often the store is asked to delete what is no longer needed.
    static let purgeInterval = Duration.seconds(60)
    /// The longest pause before the next attempt after a failure.
    private static let purgeRetryMax = Duration.seconds(5)

    /// What has arrived since the last turn began.
    private struct Arrivals: Sendable {
        var waiting: [Arrival] = []
        /// Whether a turn is running or queued.
        var isTurnPlanned = false

        mutating func takeAll() -> [Arrival] {
            defer { waiting = [] }
            return waiting
        }
    }

    private enum Arrival: Sendable {
        case report(@Sendable () -> Void)
        case asked(AskedQuestions)
        case inquired(CallerID, ActionID, at: Instant, @Sendable (Explanation) -> Void)
        case surveyed(EngineBacklog.OverviewReply)
        case left(AskedQuestions)
    }

    init(
        policy: TrackerPolicy, store: any StateStore, clients: PerSource<any UpstreamClient>,
        readers: PerSource<any StateReader>, responses: ResponseCache, observer: any EngineObserver,
        target: DispatchQueue,
        purgeInterval: Duration = Engine.purgeInterval
    ) {
        queue = target
        tracker = ActionTracker(policy: policy, seed: .random(in: .min ... .max))
        self.store = store
        self.clients = clients
        self.readers = readers
        self.policy = policy
        self.responses = responses
        self.observer = observer
        self.purgeInterval = purgeInterval
        retention = Retention(
            terminalTTL: policy.terminalTTL, staleMax: policy.staleMax, missMax: .seconds(86_400))
        wakeTimer = DispatchSource.makeTimerSource(queue: queue)
        purgeTimer = DispatchSource.makeTimerSource(queue: queue)
        wakeTimer.setEventHandler { [weak self] in self?.report { $0.woke() } }
        wakeTimer.activate()
        purgeTimer.setEventHandler { [weak self] in self?.report { $0.purge() } }
        planPurge(after: purgeInterval)
        purgeTimer.activate()
        store.listen { [weak self] notice in self?.report { $0.take(.noticed(notice)) } }
        report { $0.register { _, _ in } }
    }

    // MARK: From any queue

    /// Asks the tracker. `reply` must be short; it is called on the engine's queue, once for each
    /// question, unless `leave` withdraws the request. An upstream call that a question causes
    /// continues `trace`.
    @discardableResult
    func ask(
        _ questions: [Question], trace: TraceParent?,
        reply: @escaping @Sendable (_ index: Int, Reply) -> Void
    ) -> AskedQuestions {
        let asked = AskedQuestions(
            first: takeCallers(questions.count), questions, trace: trace,
            askedAt: SystemClock.now(), reply: reply)
        arrive(.asked(asked))
        return asked
    }

    /// Explains an action, without an upstream call. `reply` must be short; it is called once, on
    /// the engine's queue.
    func explain(_ id: ActionID, reply: @escaping @Sendable (Explanation) -> Void) {
        let inquirer = CallerID(takeCallers(1))
        arrive(.inquired(inquirer, id, at: SystemClock.now(), reply))
    }

    /// Reports the state of each source. `reply` must be short; it is called once, on the engine's
    /// queue.
    func overview(reply: @escaping EngineBacklog.OverviewReply) { arrive(.surveyed(reply)) }

    /// Reports that a state is now also stored in its compressed form.
    func compressed(_ id: ActionID) { report { $0.take(.compressed(id)) } }

    /// Reports that a source's credential was read again.
    func credentialReplaced(_ source: Source) { report { $0.take(.credentialReplaced(source)) } }

    /// Withdraws a request whose caller went away; its upstream calls continue.
    func leave(_ asked: AskedQuestions) { arrive(.left(asked)) }

    /// Answers all waiting callers with the stored answers, and starts no more calls.
    func drain() { report { $0.take(.drained) } }

    /// Calls back once no call is under way and all calls are completed in the store.
    func whenQuiet(_ done: @escaping @Sendable () -> Void) {
        report { engine in
            engine.whenQuiet = done
            engine.notifyIfQuiet()
        }
    }

    /// Calls back on the engine's queue, in a later turn.
    func whenTurned(_ done: @escaping @Sendable () -> Void) { report { _ in done() } }

    /// The engine's figures as of the last turn.
    var figures: EngineFigures { shownFigures.withLock { $0 } }

    private func takeCallers(_ count: Int) -> UInt64 {
        callers.add(UInt64(count), ordering: .relaxed).oldValue
    }

    private func report(_ work: @escaping @Sendable (Engine) -> Void) {
        arrive(.report { work(self) })
    }

    private func arrive(_ arrival: Arrival) {
        let mustPlan = arrivals.withLock { arrivals in
            arrivals.waiting.append(arrival)
            defer { arrivals.isTurnPlanned = true }
            return !arrivals.isTurnPlanned
        }
        if mustPlan { queue.async { self.takeTurn() } }
    }

    // MARK: Turns

    /// Does a bounded part of the waiting work. The next turn goes to the end of the queue, behind
    /// the work of the transport.
    private func takeTurn() {
        let began = SystemClock.threadTime()
        for arrival in arrivals.withLock({ $0.takeAll() }) { add(arrival) }
        backlog.beginTurn()
        while let piece = backlog.take(lookUps: lookUps, now: SystemClock.now()) { work(on: piece) }
        scheduleWake()
        notifyIfQuiet()
        show(SystemClock.threadTime() - began)
        let isReady = backlog.isReady(lookUps: lookUps, now: SystemClock.now())
        let mustGoOn = arrivals.withLock { arrivals in
            arrivals.isTurnPlanned = isReady || !arrivals.waiting.isEmpty
            return arrivals.isTurnPlanned
        }
        if mustGoOn { queue.async { self.takeTurn() } }
    }

    private func add(_ arrival: Arrival) {
        switch arrival {
        case .report(let work): backlog.add(report: work)
        case .asked(let asked): backlog.add(asked)
        case .inquired(let inquirer, let id, let askedAt, let reply):
            inquiries[inquirer] = reply
            backlog.add(explanationOf: id, to: inquirer, askedAt: askedAt)
        case .surveyed(let reply): backlog.add(overviewTo: reply)
        case .left(let asked): backlog.add(departureOf: asked)
        }
    }

    private func work(on piece: EngineBacklog.Piece) {
        switch piece {
        case .report(let work): work()
        case .question(let asked, let index):
            let caller = asked.caller(index)
            held[caller] = asked
            take(.asked(caller, asked.questions[index]))
        case .explanation(let inquirer, let id): take(.inquired(inquirer, id))
        case .overview(let replies):
            let overview = tracker.overview(now: SystemClock.now())
            for reply in replies { reply(overview) }
        case .departure(let caller):
            if held.removeValue(forKey: caller) != nil { take(.left(caller)) }
        case .reply(let caller, let reply):
            guard let asked = held.removeValue(forKey: caller) else { return }
            asked.reply(asked.index(of: caller), reply)
        }
    }

    private func show(_ turn: Duration) {
        shownFigures.withLock { figures in
            figures.stored = tracker.storedActions
            figures.storedBytes = tracker.storedBytes
            figures.waiting = tracker.waitingCallers
            figures.turns += 1
            figures.upstreams = tracker.upstreamFigures()
            figures.longestTurn = max(figures.longestTurn, turn)
        }
    }

    // MARK: On the queue

    private func take(_ event: Event) {
        dispatchPrecondition(condition: .onQueue(queue))
        for effect in tracker.step(event, now: SystemClock.now()) { carryOut(effect) }
    }

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .lookUp(let id, let requests): lookUp(id, orReserve: requests)
        case .reread(let ids): reread(ids)
        case .prepare(let key, let flight): prepare(key, flight)
        case .reserve(let reservation, let flight): reserve(reservation, flight)
        case .call(let key, let flight, let sendBefore): call(key, flight, sendBefore)
        case .complete(let completion, let flight): complete(completion, flight)
        case .refuseCredential(let source): clients[source]?.refuseCredential()
        case .leaveAlone(let source, let until): clients[source]?.leaveAlone(until: until)
        case .reply(let caller, let reply): backlog.add(reply: reply, to: caller)
        case .explain(let inquirer, let explanation):
            inquiries.removeValue(forKey: inquirer)?(explanation)
        case .publish(let id, let snapshot): responses.publish(id, snapshot)
        case .withdraw(let id): responses.withdraw(id)
        case .note(let note): observer.observe(note)
        }
    }

    private func lookUp(_ id: ActionID, orReserve requests: [Reservation]) {
        lookUps += 1
        // While a token is fetched, a slot would only grow old.
        let ready = requests.filter {
            isRegistered && clients[$0.key.source]?.isPrepared() == true
        }
        store.lookUp([id], orReserve: ready) { result in
            self.report { engine in
                engine.lookUps -= 1
                let onlyRead = (try? result.get().reservations.isEmpty) ?? ready.isEmpty
                engine.watch(result, writes: !onlyRead)
                engine.take(.lookedUp(id, result))
            }
        }
    }

    private func reread(_ ids: [ActionID]) {
        store.lookUp(ids) { result in
            self.report { engine in
                engine.watch(result, writes: false)
                engine.take(.reread(ids, result))
            }
        }
    }

    private func prepare(_ key: EntryKey, _ flight: UInt64) {
        clients[key.source]?.prepare { failure in
            self.report { $0.take(.prepared(key, flight: flight, failure)) }
        }
    }

    private func reserve(_ reservation: Reservation, _ flight: UInt64) {
        guard isRegistered else {
            return register { engine, result in
                switch result {
                case .success: engine.reserve(reservation, flight)
                case .failure(let failure):
                    engine.take(
                        .reserved(reservation.key, flight: flight, .failure(failure)))
                }
            }
        }
        store.reserve(reservation) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                engine.take(.reserved(reservation.key, flight: flight, result))
            }
        }
    }

    private func call(_ key: EntryKey, _ flight: UInt64, _ sendBefore: Instant) {
        let trace = tracker.starter(of: key).flatMap { held[$0]?.trace }
        let field = trace?.continued(by: .random(in: .min ... .max))
        guard let reader = readers[key.source] else { return }
        clients[key.source]?.call(key.id, sendBefore: sendBefore, trace: field) { report in
            let clocks = SystemClock.both()
            let normalize: @Sendable () -> Void = {
                let meaning = CallReport(report, key, reader, clocks: clocks)
                self.report { $0.take(.called(key, flight: flight, meaning)) }
            }
            guard report.bodyBytes > Self.smallBodyMax else { return normalize() }
            self.normalizing.async(execute: normalize)
        }
    }

    private func complete(_ completion: Completion, _ flight: UInt64) {
        store.complete(completion) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                engine.take(.completed(completion.key, flight: flight, result))
            }
        }
    }

    private func woke() {
        wakeAt = .distantFuture
        take(.woke)
    }

    /// Registers the sources in the store, before the first call. Smallest gaps that earlier
    /// processes saw are taken over.
    private func register(
        _ done: @escaping @Sendable (Engine, Result<Void, StoreFailure>) -> Void
    ) {
        let holds = policy.configured.map { ($0, policy.sources[$0]?.hold ?? .zero) }
        store.register(Dictionary(uniqueKeysWithValues: holds)) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                if case .success(let gaps) = result, !engine.isRegistered {
                    engine.isRegistered = true
                    for source in engine.policy.configured {
                        guard let gap = gaps[source] else { continue }
                        engine.observer.observe(.gap(source, smallest: gap))
                    }
                }
                done(engine, result.map { _ in })
            }
        }
    }

    private func purge() {
        // If the store was away at the start.
        if !isRegistered { register { _, _ in } }
        store.purge(retention) { result in
            self.report { engine in
                engine.watch(result, writes: true)
                guard case .failure(let failure) = result else {
                    return engine.planPurge(after: engine.purgeInterval)
                }
                engine.observer.observe(.storeFailed("\(failure)"))
                engine.planPurge(after: min(engine.purgeInterval, Self.purgeRetryMax))
            }
        }
    }

    private func planPurge(after span: Duration) {
        purgeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(span.nanoseconds)), leeway: .milliseconds(200))
    }

    /// Observes from every operation whether the store works.
    private func watch<Value>(_ result: Result<Value, StoreFailure>, writes: Bool) {
        switch result {
        case .success: if troubles.ended(byWriting: writes) { observer.observe(.storeWorked) }
        case .failure: troubles.began(byWriting: writes)
        }
    }

    /// Plans a wake. Work that is due already comes after the work that has arrived meanwhile.
    private func scheduleWake() {
        let times = [tracker.nextWake, backlog.patienceEndsAt].compactMap { $0 }
        guard let next = times.min(), next < wakeAt else { return }
        wakeAt = next
        let wait = next - SystemClock.now()
        guard wait > .zero else { return report { $0.woke() } }
        wakeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(wait.nanoseconds)), leeway: .milliseconds(1))
    }

    private func notifyIfQuiet() {
        guard let done = whenQuiet, tracker.flights == 0 else { return }
        whenQuiet = nil
        done()
    }
}

/// Which kinds of store operations have failed and not succeeded since. A read does not reveal a
/// full disk; a write shows that both work.
private struct StoreTroubles {
    private var reading = false
    private var writing = false

    mutating func began(byWriting: Bool) {
        if byWriting { writing = true } else { reading = true }
    }

    /// True if both kinds work again from now on.
    mutating func ended(byWriting: Bool) -> Bool {
        let hadTrouble = reading || writing
        reading = false
        if byWriting { writing = false }
        return hadTrouble && !writing
    }
}

/// The engine's figures for metrics.
struct EngineFigures: Sendable {
    var stored = 0
    var storedBytes = 0
    var waiting = 0
    var turns = 0
    /// The longest turn, in CPU time of its thread.
    var longestTurn = Duration.zero
    var upstreams: [UpstreamFigures] = []
}

/// Receives the engine's notes for operators. Called on the engine's queue.
protocol EngineObserver: Sendable {
    func observe(_ note: Note)
}

extension UpstreamCallReport {
    fileprivate var bodyBytes: Int { (try? result.get().body.count) ?? 0 }
}

extension CallReport {
    /// Interprets the transport's report.
    fileprivate init(
        _ report: UpstreamCallReport, _ key: EntryKey, _ reader: any StateReader, clocks: Clocks
    ) {
        let checkedAt = clocks.wall + (report.answeredAt - clocks.instant)
        let outcome: CallOutcome
        var hints = RateHints.none
        switch report.result {
        case .success(let reply):
            (outcome, hints) = Normalizer.outcome(
                of: reply, about: key, by: reader, now: checkedAt)
        case .failure(let failure):
            outcome = .failed(UpstreamFault(kind: failure.kind, message: failure.detail))
            hints.retryAfter = failure.leftAloneFor
        }
        self.init(
            outcome: outcome, hints: hints, sentAt: report.sentAt, endedAt: report.endedAt,
            answeredAt: report.answeredAt, checkedAt: checkedAt)
    }
}
