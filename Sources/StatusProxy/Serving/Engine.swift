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
    let queue: DispatchQueue
    /// For large bodies, which take milliseconds to read.
    let normalizing = DispatchQueue(
        label: "status-proxy.normalizing", attributes: .concurrent)
    var tracker: ActionTracker
    let store: any StateStore
    let clients: PerSource<any UpstreamClient>
    let readers: PerSource<any StateReader>
    let responses: ResponseCache
    let observer: any EngineObserver
    let retention: Retention
    let purgeInterval: Duration
    var troubles = StoreTroubles()

    private let callers = Atomic<UInt64>(1)
    private let arrivals = Guarded(Arrivals())
    var backlog = EngineBacklog()
    var held: [CallerID: AskedQuestions] = [:]
    var explanationReplies: [CallerID: @Sendable (Explanation) -> Void] = [:]
    /// The number of actions that are being looked up in the store for callers.
    var lookUps = 0
    private let shownFigures = Guarded(EngineFigures())
    let wakeTimer: any DispatchSourceTimer
    let purgeTimer: any DispatchSourceTimer
    var wakeAt = Instant.distantFuture
    let policy: TrackerPolicy
    /// Whether the sources are registered in the store; before that, no call is reserved.
    var isRegistered = false
    var whenQuiet: (@Sendable () -> Void)?

    /// Up to this size a body is read at once: switching queues would take longer.
    static let smallBodyMax = 16_384

    /// How often the store is asked to delete what is no longer needed.
    static let purgeInterval = Duration.seconds(60)
    /// The longest pause before the next attempt after a failure.
    static let purgeRetryMax = Duration.seconds(5)

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
        case explanationAsked(CallerID, ActionID, at: Instant, @Sendable (Explanation) -> Void)
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
            terminalTTL: policy.terminalTTL, staleMax: policy.staleMax,
            negativeMax: .seconds(86_400))
        wakeTimer = DispatchSource.makeTimerSource(queue: queue)
        purgeTimer = DispatchSource.makeTimerSource(queue: queue)
        wakeTimer.setEventHandler { [weak self] in self?.report { $0.woke() } }
        wakeTimer.activate()
        purgeTimer.setEventHandler { [weak self] in self?.report { $0.purge() } }
        planPurge(after: purgeInterval)
        purgeTimer.activate()
        store.listen { [weak self] notification in self?.report { $0.take(.notified(notification)) }
        }
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
        let caller = CallerID(takeCallers(1))
        arrive(.explanationAsked(caller, id, at: SystemClock.now(), reply))
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

    func report(_ work: @escaping @Sendable (Engine) -> Void) {
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
        case .explanationAsked(let caller, let id, let askedAt, let reply):
            explanationReplies[caller] = reply
            backlog.add(explanationOf: id, to: caller, askedAt: askedAt)
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
        case .explanation(let caller, let id): take(.explanationAsked(caller, id))
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

    func take(_ event: Event) {
        dispatchPrecondition(condition: .onQueue(queue))
        for effect in tracker.step(event, now: SystemClock.now()) { carryOut(effect) }
    }
}
