// Carries out what the tracker decides: the one place where events, effects, stores and upstreams
// meet. Everything in it happens on one serial queue.

import Dispatch
import StatusAPI
import StatusCore

/// The tracker at work.
///
/// `@unchecked Sendable`: every stored variable is touched on `queue` only; what other queues call
/// (`ask`, `leave`, `drain`, replies of ports) hops onto it first.
final class Engine: @unchecked Sendable {
    private let queue: DispatchQueue
    /// Large bodies take milliseconds to read: not on the engine's time, nor on the transport's.
    private let normalizing = DispatchQueue(
        label: "status-proxy.normalizing", attributes: .concurrent)
    private var tracker: ActionTracker
    private let store: any StateStore
    private let clients: PerSource<(any UpstreamClient)?>
    private let board: AnswerBoard
    private let observer: any EngineObserver
    private let retention: Retention
    private let purgeInterval: Duration
    private var troubles = StoreTroubles()

    private var held: [CallerID: HeldCaller] = [:]
    private var inquiries: [CallerID: @Sendable (Explanation) -> Void] = [:]
    private var callers: UInt64 = 0
    private let wakeTimer: any DispatchSourceTimer
    private let purgeTimer: any DispatchSourceTimer
    private var wakeAt = Instant.distantFuture
    private var isShowingGaps = false
    private var whenQuiet: (@Sendable () -> Void)?

    /// Up to here a body is read where it arrives: another queue would take longer than the reading.
    private static let smallBodyMax = 16_384

    /// How often the store is asked to drop what is past its use.
    static let purgeInterval = Duration.seconds(60)
    /// And how often, at least, after a failure.
    private static let purgeRetryMax = Duration.seconds(5)

    init(
        policy: TrackerPolicy, store: any StateStore, clients: PerSource<(any UpstreamClient)?>,
        board: AnswerBoard, observer: any EngineObserver, target: DispatchQueue,
        purgeInterval: Duration = Engine.purgeInterval
    ) {
        queue = DispatchQueue(label: "status-proxy.engine", target: target)
        tracker = ActionTracker(policy: policy, seed: .random(in: .min ... .max))
        self.store = store
        self.clients = clients
        self.board = board
        self.observer = observer
        self.purgeInterval = purgeInterval
        retention = Retention(
            terminalTTL: policy.terminalTTL, staleMax: policy.staleMax, missMax: .seconds(86_400))
        wakeTimer = DispatchSource.makeTimerSource(queue: queue)
        purgeTimer = DispatchSource.makeTimerSource(queue: queue)
        wakeTimer.setEventHandler { [weak self] in self?.woke() }
        wakeTimer.activate()
        purgeTimer.setEventHandler { [weak self] in self?.purge() }
        planPurge(after: purgeInterval)
        purgeTimer.activate()
        store.listen { [weak self] notice in
            guard let self else { return }
            queue.async { self.take(.noticed(notice)) }
        }
        queue.async { self.showSmallestGaps() }
    }

    // MARK: From any queue

    /// Asks the tracker. `reply` is called once, on the engine's queue, unless the caller leaves.
    /// `began` gets the caller's name first, on the same queue. A call that is made because of this
    /// question continues the trace.
    func ask(
        _ question: Question, trace: TraceParent?,
        began: @escaping @Sendable (CallerID) -> Void = { _ in },
        reply: @escaping @Sendable (Reply) -> Void
    ) {
        queue.async {
            self.callers += 1
            let caller = CallerID(self.callers)
            self.held[caller] = HeldCaller(trace: trace, reply: reply)
            began(caller)
            self.take(.asked(caller, question))
        }
    }

    /// Has an action explained. `reply` is called once, on the engine's queue; no call is made for it.
    func explain(_ id: ActionID, reply: @escaping @Sendable (Explanation) -> Void) {
        queue.async {
            self.callers += 1
            let inquirer = CallerID(self.callers)
            self.inquiries[inquirer] = reply
            self.take(.inquired(inquirer, id))
        }
    }

    /// An upstream's credential was read anew.
    func credentialReplaced(_ source: Source) {
        queue.async { self.take(.credentialReplaced(source)) }
    }

    /// The caller went away; its call goes on.
    func leave(_ caller: CallerID) {
        queue.async {
            guard self.held.removeValue(forKey: caller) != nil else { return }
            self.take(.left(caller))
        }
    }

    /// Answers who waits for news with what there is, and starts no more calls.
    func drain() {
        queue.async { self.take(.drained) }
    }

    /// Calls back once no call is under way and every gate is settled.
    func whenQuiet(_ done: @escaping @Sendable () -> Void) {
        queue.async {
            self.whenQuiet = done
            self.tellIfQuiet()
        }
    }

    /// How much there is of what, for metrics.
    func census(_ reply: @escaping @Sendable (_ stored: Int, _ waiting: Int) -> Void) {
        queue.async { reply(self.tracker.storedActions, self.tracker.waitingCallers) }
    }

    // MARK: On the queue

    private func take(_ event: Event) {
        dispatchPrecondition(condition: .onQueue(queue))
        for effect in tracker.step(event, now: SystemClock.now()) { carryOut(effect) }
        scheduleWake()
        tellIfQuiet()
    }

    private func carryOut(_ effect: Effect) {
        switch effect {
        case .lookUp(let id): lookUp([id]) { .lookedUp(id, $0) }
        case .reread(let ids): lookUp(ids) { .reread(ids, $0) }
        case .prepare(let key, let flight): prepare(key, flight)
        case .reserve(let reservation, let flight): reserve(reservation, flight)
        case .call(let key, let flight, let sendBefore): call(key, flight, sendBefore)
        case .settle(let settlement, let flight): settle(settlement, flight)
        case .refuseCredential(let source): clients[source]?.refuseCredential()
        case .leaveAlone(let source, let until): clients[source]?.leaveAlone(until: until)
        case .reply(let caller, let reply): held.removeValue(forKey: caller)?.reply(reply)
        case .explain(let inquirer, let explanation):
            inquiries.removeValue(forKey: inquirer)?(explanation)
        case .publish(let id, let publication):
            board.publish(id, publication, clocks: SystemClock.both())
        case .withdraw(let id): board.withdraw(id)
        case .note(let note): observer.observe(note)
        }
    }

    private func lookUp(
        _ ids: [ActionID],
        _ event: @escaping @Sendable (Result<[LookRecord], StoreFailure>) -> Event
    ) {
        store.lookUp(ids) { result in
            self.queue.async {
                self.watch(result, writes: false)
                self.take(event(result))
            }
        }
    }

    private func prepare(_ key: LookKey, _ flight: UInt64) {
        clients[key.source]?.prepare { failure in
            self.queue.async { self.take(.prepared(key, flight: flight, failure)) }
        }
    }

    private func reserve(_ reservation: Reservation, _ flight: UInt64) {
        store.reserve(reservation) { result in
            self.queue.async {
                self.watch(result, writes: true)
                self.take(.reserved(reservation.key, flight: flight, result))
            }
        }
    }

    private func call(_ key: LookKey, _ flight: UInt64, _ sendBefore: Instant) {
        let trace = tracker.starter(of: key).flatMap { held[$0]?.trace }
        let field = trace?.continued(by: .random(in: .min ... .max))
        clients[key.source]?.call(key.id, sendBefore: sendBefore, trace: field) { report in
            let clocks = SystemClock.both()
            let normalize: @Sendable () -> Void = {
                let meaning = CallReport(report, key, clocks: clocks)
                self.queue.async { self.take(.called(key, flight: flight, meaning)) }
            }
            guard report.bodyBytes > Self.smallBodyMax else { return normalize() }
            self.normalizing.async(execute: normalize)
        }
    }

    private func settle(_ settlement: Settlement, _ flight: UInt64) {
        store.settle(settlement) { result in
            self.queue.async {
                self.watch(result, writes: true)
                self.take(.settled(settlement.key, flight: flight, result))
            }
        }
    }

    private func woke() {
        wakeAt = .distantFuture
        take(.woke)
    }

    /// What earlier lives have seen counts too, before this one's first call.
    private func showSmallestGaps() {
        store.smallestGaps { result in
            self.queue.async {
                guard case .success(let gaps) = result, !self.isShowingGaps else { return }
                self.isShowingGaps = true
                for source in Source.allCases {
                    guard let gap = gaps[source] else { continue }
                    self.observer.observe(.gap(source, smallest: gap))
                }
            }
        }
    }

    private func purge() {
        // A store that was away at the start is asked again.
        if !isShowingGaps { showSmallestGaps() }
        store.purge(retention) { result in
            self.queue.async {
                self.watch(result, writes: true)
                guard case .failure(let failure) = result else {
                    return self.planPurge(after: self.purgeInterval)
                }
                self.observer.observe(.storeFailed("\(failure)"))
                self.planPurge(after: min(self.purgeInterval, Self.purgeRetryMax))
            }
        }
    }

    private func planPurge(after span: Duration) {
        purgeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(span.nanoseconds)), leeway: .milliseconds(200))
    }

    /// Every operation shows whether the store works again.
    private func watch<Value>(_ result: Result<Value, StoreFailure>, writes: Bool) {
        switch result {
        case .success: if troubles.ended(byWriting: writes) { observer.observe(.storeWorked) }
        case .failure: troubles.began(byWriting: writes)
        }
    }

    private func scheduleWake() {
        guard let next = tracker.nextWake, next < wakeAt else { return }
        wakeAt = next
        let wait = max(.zero, next - SystemClock.now())
        wakeTimer.schedule(
            deadline: .now() + .nanoseconds(Int(wait.nanoseconds)), leeway: .milliseconds(1))
    }

    private func tellIfQuiet() {
        guard let done = whenQuiet, tracker.flights == 0 else { return }
        whenQuiet = nil
        done()
    }
}

/// Which operations of the store have failed and not been carried out since. Reading says nothing of a
/// full disk; writing shows that both work.
private struct StoreTroubles {
    private var reading = false
    private var writing = false

    mutating func began(byWriting: Bool) {
        if byWriting { writing = true } else { reading = true }
    }

    /// True if all works again from now on.
    mutating func ended(byWriting: Bool) -> Bool {
        let hadTrouble = reading || writing
        reading = false
        if byWriting { writing = false }
        return hadTrouble && !writing
    }
}

/// A caller whose reply is still to come.
private struct HeldCaller {
    let trace: TraceParent?
    let reply: @Sendable (Reply) -> Void
}

/// Hears what operators want to know. Called on the engine's queue.
protocol EngineObserver: Sendable {
    func observe(_ note: Note)
}

extension UpstreamCallReport {
    fileprivate var bodyBytes: Int { (try? result.get().body.count) ?? 0 }
}

extension CallReport {
    /// What the transport's report means.
    fileprivate init(_ report: UpstreamCallReport, _ key: LookKey, clocks: Clocks) {
        let checkedAt = clocks.wall + (report.answeredAt - clocks.instant)
        let outcome: CallOutcome
        var hints = RateHints.none
        switch report.result {
        case .success(let reply):
            (outcome, hints) = Normalizer.outcome(
                of: reply, source: key.source, id: key.id, now: checkedAt)
        case .failure(let failure):
            outcome = .failed(UpstreamFault(kind: failure.kind, message: failure.detail))
            hints.retryAfter = failure.leftAloneFor
        }
        self.init(
            outcome: outcome, hints: hints, sentAt: report.sentAt, endedAt: report.endedAt,
            answeredAt: report.answeredAt, checkedAt: checkedAt)
    }
}
