// Drives a tracker by hand: the test sends requests, answers calls and moves the time, with a fake
// store.

@testable import StatusCore

/// A tracker, a fake store and the calls in flight. Time stands still until ``advance(_:)``.
struct TrackerDriver {
    var tracker: ActionTracker
    var store = PaperStore()
    var now = Instant(nanoseconds: 1_000_000 * 1_000_000_000)
    /// Credentials fail with this.
    var credentialFault: UpstreamFault?
    /// And are not fetched again for that long.
    var credentialRetry = Duration.zero
    /// Effects of these kinds are not carried out until ``release()``.
    var heldBack: Set<Stage> = []

    private(set) var calls: [Call] = []
    private(set) var callsMade: [EntryKey] = []
    /// What each look-up of an action that was new should reserve, held back or not.
    private(set) var firstVisits: [[Reservation]] = []
    /// The requested re-reads, held back or not.
    private(set) var rereads: [[ActionID]] = []
    private(set) var replies: [CallerID: Reply] = [:]
    /// The most replies of a single step.
    private(set) var repliesInStepMax = 0
    private(set) var explanations: [CallerID: Explanation] = [:]
    private(set) var published: [ActionID: Snapshot] = [:]
    private(set) var notes: [Note] = []
    private(set) var refusedCredentials: [Source] = []
    private(set) var leftAlone: [(source: Source, until: Instant)] = []
    private var delayed: [Effect] = []
    private var due: [Effect] = []
    private var callersMade: UInt64 = 0

    enum Stage: CaseIterable {
        case lookUp, prepare, reserve, complete
    }

    struct Call {
        var key: EntryKey
        var flight: UInt64
        var sendBefore: Instant
        var sentAt: Instant
    }

    init(_ policy: TrackerPolicy = .both()) { tracker = ActionTracker(policy: policy, seed: 7) }

    // MARK: What happens

    @discardableResult
    mutating func ask(
        _ id: String, source: Source? = nil, patience: Question.Patience = .none,
        holder: String? = nil, place: Int = 0
    ) -> CallerID {
        callersMade += 1
        let caller = CallerID(callersMade)
        let question = Question(
            id: .of(id), source: source, patience: patience, holder: holder, place: place)
        step(.asked(caller, question))
        return caller
    }

    /// Asks for an explanation, and returns the immediate one.
    mutating func explanation(of id: String) -> Explanation? {
        callersMade += 1
        let caller = CallerID(callersMade)
        step(.explanationAsked(caller, .of(id)))
        return explanations[caller]
    }

    /// Asks, and returns the immediate reply.
    mutating func reply(to id: String, source: Source? = nil) -> Reply? {
        let caller = ask(id, source: source)
        return replies[caller]
    }

    mutating func leave(_ caller: CallerID) { step(.left(caller)) }
    mutating func drain() { step(.drained) }

    /// Lets time pass, with a step at each instant that the tracker has requested.
    mutating func advance(_ span: Duration) {
        let end = now + span
        while let wake = tracker.nextWake, wake <= end {
            now = max(now, wake)
            step(.woke)
        }
        now = end
    }

    /// Answers the first call in flight (to that source).
    mutating func answer(
        _ status: ActionStatus = .pending, revision: Int = 0, createdAgo: Duration? = nil,
        by source: Source? = nil, hints: RateHints = .none, answeredAgo: Duration = .zero
    ) {
        guard let call = takeCall(source) else { return }
        let document = ActionDocument.of(
            status, revision: revision, source: call.key.source,
            createdAt: createdAgo.map { wall + (.zero - $0) })
        end(call, .answered(document), hints, answeredAgo: answeredAgo)
    }

    mutating func fail(
        _ kind: UpstreamFault.Kind, http: Int? = nil, by source: Source? = nil,
        hints: RateHints = .none, sent: Bool = true
    ) {
        guard let call = takeCall(source) else { return }
        let fault = UpstreamFault(kind: kind, httpStatus: http)
        end(call, kind == .notFound ? .notFound(fault) : .failed(fault), hints, sent: sent)
    }

    /// Asks, and answers the call immediately.
    @discardableResult
    mutating func learn(
        _ id: String, _ status: ActionStatus = .pending, revision: Int = 0,
        createdAgo: Duration? = nil, source: Source? = nil
    ) -> Reply? {
        let caller = ask(id, source: source)
        answer(status, revision: revision, createdAgo: createdAgo, by: source)
        return replies[caller]
    }

    /// Carries out the effects that were held back.
    mutating func release() {
        heldBack = []
        let effects = delayed
        delayed = []
        for effect in effects { carryOut(effect) }
    }

    /// Gives up what was held back: its replies are lost.
    mutating func dropHeldBack() {
        heldBack = []
        delayed = []
    }

    /// A new process over the same store, on the same clock.
    mutating func restart(_ policy: TrackerPolicy = .both()) {
        tracker = ActionTracker(policy: policy, seed: 8)
        calls = []
        delayed = []
        published = [:]
    }

    // MARK: Work

    private var wall: WallTime { WallTime(milliseconds: now.nanoseconds / 1_000_000) }

    private mutating func takeCall(_ source: Source?) -> Call? {
        guard let index = calls.firstIndex(where: { source ?? $0.key.source == $0.key.source })
        else { return nil }
        return calls.remove(at: index)
    }

    private mutating func end(
        _ call: Call, _ outcome: CallOutcome, _ hints: RateHints, sent: Bool = true,
        answeredAgo: Duration = .zero
    ) {
        let report = CallReport(
            outcome: outcome, hints: hints, sentAt: sent ? call.sentAt : nil, endedAt: now,
            answeredAt: now - answeredAgo, checkedAt: wall)
        step(.called(call.key, flight: call.flight, report))
    }

    /// Steps, and carries out the effects, in order, until there are none.
    mutating func step(_ event: Event) {
        let isOutermost = due.isEmpty
        let effects = tracker.step(event, now: now)
        repliesInStepMax = max(repliesInStepMax, effects.count { $0.isReply })
        due += effects
        guard isOutermost else { return }
        while let effect = due.first {
            if case .reread(let ids) = effect { rereads.append(ids) }
            if case .lookUp(_, let requests) = effect { firstVisits.append(requests) }
            if let stage = effect.stage, heldBack.contains(stage) {
                delayed.append(effect)
            } else {
                carryOut(effect)
            }
            due.removeFirst()
        }
    }

    private mutating func carryOut(_ effect: Effect) {
        switch effect {
        case .lookUp(let id, let requests):
            let isReady = credentialFault == nil && heldBack.isDisjoint(with: [.prepare, .reserve])
            let reply = store.lookUp([id], orReserve: isReady ? requests : [], now)
            step(.lookedUp(id, reply))
        case .reread(let ids): step(.reread(ids, store.lookUp(ids, now)))
        case .prepare(let key, let flight):
            let failure = credentialFault.map {
                CredentialFailure(fault: $0, retryIn: credentialRetry)
            }
            step(.prepared(key, flight: flight, failure))
        case .reserve(let request, let flight):
            step(.reserved(request.key, flight: flight, store.reserve(request, now)))
        case .call(let key, let flight, let sendBefore):
            calls.append(Call(key: key, flight: flight, sendBefore: sendBefore, sentAt: now))
            callsMade.append(key)
        case .complete(let completion, let flight):
            step(.completed(completion.key, flight: flight, store.complete(completion, now)))
        case .refuseCredential(let source): refusedCredentials.append(source)
        case .leaveAlone(let source, let until): leftAlone.append((source, until))
        case .reply(let caller, let reply): replies[caller] = reply
        case .explain(let caller, let explanation): explanations[caller] = explanation
        case .publish(let id, let snapshot): published[id] = snapshot
        case .withdraw(let id): published[id] = nil
        case .note(let note): notes.append(note)
        }
    }
}

extension Effect {
    fileprivate var isReply: Bool { if case .reply = self { true } else { false } }

    fileprivate var stage: TrackerDriver.Stage? {
        switch self {
        case .lookUp, .reread: .lookUp
        case .prepare: .prepare
        case .reserve: .reserve
        case .complete: .complete
        case .call, .refuseCredential, .leaveAlone, .reply, .explain, .publish, .withdraw, .note:
            nil
        }
    }
}

// MARK: - Values for tests

extension ActionID {
    /// For texts that are certainly ids.
    static func of(_ text: String) -> ActionID {
        guard let id = ActionID(text) else { preconditionFailure("\(text) is not an id") }
        return id
    }
}

extension ActionDocument {
    static func of(
        _ status: ActionStatus, revision: Int = 0, source: Source = .vouchers,
        createdAt: WallTime? = nil
    ) -> ActionDocument {
        ActionDocument(
            bytes: Array("\(status.rawValue) \(revision)".utf8), source: source, status: status,
            isDone: ![.pending, .inProgress, .unknown].contains(status), createdAt: createdAt)
    }
}

extension TrackerPolicy {
    /// Both upstreams, or those whose limits are given.
    static func both(
        orders: SourcePolicy? = .orders, vouchers: SourcePolicy? = .vouchers,
        staleMax: Duration = .seconds(86_400), actionsMax: Int = 1000,
        bytesMax: Int = .max, callersMax: Int = 100_000
    ) -> TrackerPolicy {
        TrackerPolicy(
            sources: PerSource(
                [(Source.orders, orders), (.vouchers, vouchers)].compactMap { source, policy in
                    policy.map { (source, $0) }
                }), refreshWait: .seconds(1),
            staleMax: staleMax, terminalTTL: .seconds(86_400), actionsMax: actionsMax,
            bytesMax: bytesMax,
            callersMax: callersMax)
    }
}

extension TrackerPolicy {
    /// Sources with the limits of orders.
    static func sources(_ patterns: [(name: String, pattern: IDPattern?)]) -> TrackerPolicy {
        let sources = patterns.map { name, pattern in
            var policy = SourcePolicy.orders
            policy.idPattern = pattern
            return (Source.named(name), policy)
        }
        return TrackerPolicy(
            sources: PerSource(sources), refreshWait: .seconds(1), staleMax: .seconds(86_400),
            terminalTTL: .seconds(86_400), actionsMax: 1000)
    }
}

extension SourcePolicy {
    static let orders = SourcePolicy(
        minInterval: .seconds(60), maxInterval: .seconds(300), callDeadline: .seconds(10),
        budget: BudgetLimits(perMinute: 600, perDay: nil), idPattern: .uuid)
    static let vouchers = SourcePolicy(
        minInterval: .seconds(30), maxInterval: .seconds(300), callDeadline: .seconds(10),
        budget: BudgetLimits(perMinute: 60, perDay: 2400), idPattern: .prefix("aa_"))
}

extension Reply? {
    var answer: Answer? {
        if case .answer(let answer)? = self { return answer }
        return nil
    }

    var problem: Problem? {
        if case .problem(let problem)? = self { return problem }
        return nil
    }
}

/// An id of each shape, and one of no shape.
enum Shape {
    static let order = "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e"
    static let voucher = "aa_0adad13d6f057f088e"
    static let none = "shipment.17"
}
