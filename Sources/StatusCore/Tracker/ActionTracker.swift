// The heart: which actions are looked up when, and what each caller is told. A state machine without
// I/O: events and the time come in, effects go out.

import DequeModule

/// Tracks every action that somebody asks for.
///
/// One step takes one event and returns what is to be done. There is no clock, no queue and no
/// randomness inside: `now` never goes back, and the seed is an argument, so a run can be replayed.
///
/// Its life is a loop of three moves: an event changes what is known (``handle(_:)``), every action
/// touched by it is considered anew (``consider(_:)``), and every upstream that is free starts the
/// looks that are wanted most (``pull(_:)``).
public struct ActionTracker: Sendable {
    let policy: TrackerPolicy
    var upstreams: PerSource<UpstreamState?>
    var actions = ActionTable()
    /// Finished actions that nobody is concerned with: their published answers say all of them.
    var retired: [ActionID: Shared<Answer>] = [:]
    var callers: [CallerID: ActionID] = [:]
    var wakes = WakeQueue()
    var rereads = RereadQueue()
    var callLog = PerSource { _ in CallLog() }
    var random: SplitMix64
    var isDraining = false
    /// Looks under way.
    public internal(set) var flights = 0
    /// After a failed store operation nothing new is reserved for a moment.
    var storeTroubleUntil = Instant.distantPast
    /// When the store last did what it was asked to.
    var storeWorkedAt = Instant.distantPast
    /// By the flights that made them.
    var unsettled: [UInt64: Unsettled] = [:]
    /// When the first of them is said again.
    var unsettledDueAt = Instant.distantFuture
    /// The wake for the next re-reads that is already in the queue.
    var rereadWakeAt = Instant.distantPast

    /// Actions in the order of their last second chance: the clock hand of eviction.
    private(set) var evictionOrder: Deque<ActionID> = []
    private var serial: UInt64 = 0

    // Empty between steps.
    var now = Instant.distantPast
    var effects: [Effect] = []

    /// Actions to be considered: those of this step last, which go first, and what earlier steps have
    /// left over.
    private var touched: Deque<Touch> = []

    /// How many held requests have been looked at, over all steps: what crowds cost.
    private(set) var callersConsidered = 0

    /// How much a step considers at most, in actions and held requests: about a millisecond of work.
    static let stepSizeMax = 512
    /// And how many wakes it takes.
    private static let wakesMax = 128

    public init(policy: TrackerPolicy, seed: UInt64) {
        self.policy = policy
        self.random = SplitMix64(seed: seed)
        self.upstreams = PerSource { source in
            policy.sources[source].map(UpstreamState.init(policy:))
        }
    }

    /// When the tracker wants an ``Event/woke`` at the latest; nil: not at all. Long ago: it has left
    /// something for the next step, so that none is long.
    public var nextWake: Instant? { touched.isEmpty ? wakes.next : .distantPast }

    public var storedActions: Int { actions.count + retired.count }
    public var waitingCallers: Int { callers.count }

    /// Whose question caused the look that is under way.
    public func starter(of key: LookKey) -> CallerID? {
        actions[key.id]?.looks[key.source].flight?.starter
    }

    /// Takes one event in and returns what is to be done, in this order.
    public mutating func step(_ event: Event, now: Instant) -> [Effect] {
        self.now = max(now, self.now)
        handle(event)
        handleDueWakes()
        var room = Self.stepSizeMax
        repeat {
            withdrawOutdated()
            while room > 0, let touch = touched.popLast() {
                let considered = consider(touch, atMost: room)
                callersConsidered += considered
                room -= 1 + considered
            }
            for source in policy.configured { pull(source) }
            pullRereads()
            sayUnsettledAgain()
        } while room > 0 && !touched.isEmpty
        withdrawOutdated()
        evictSurplus()
        defer { effects.removeAll() }
        return effects
    }

    /// A number never used before in this tracker.
    mutating func nextNumber() -> UInt64 {
        serial += 1
        return serial
    }

    /// Has the action considered anew, with all who are held for it: before the step ends, unless it
    /// has much to do.
    mutating func touch(_ id: ActionID) {
        if actions[id]?.isLoaded == true { actions[id]?.waiters.beginRound() }
        touched.append(Touch(id: id, isForDueOnly: false))
    }

    /// Has the action considered with those whose time has come.
    private mutating func touchDue(_ id: ActionID) {
        touched.append(Touch(id: id, isForDueOnly: true))
    }

    /// What is left of a crowd has its turn when all else has had one.
    mutating func goOnLater(_ id: ActionID) {
        touched.prepend(Touch(id: id, isForDueOnly: false))
    }
}

/// An action to be considered.
struct Touch: Sendable {
    var id: ActionID
    var isForDueOnly: Bool
}

/// Everything known of one id.
struct TrackedAction: Sendable {
    var looks: PerSource<Look>
    /// True once the store has told what it has.
    var isLoaded = false
    /// When the look-up under way was asked for.
    var lookUpAskedAt: Instant?
    /// The look-up under way may tell less than there is by now.
    var isOutdated = false
    /// When the store told of it last.
    var toldAt = Instant.distantPast
    /// Somebody has asked for it, here or through the store.
    var wasAsked = false
    /// Who wants to know why its answer is what it is, once the store has told what it has.
    var inquirers: [CallerID] = []
    var waiters = Waiters()
    /// The wake that is already in the queue.
    var wakeAt = Instant.distantFuture
    /// When its state has to be looked at anew, whoever is held.
    var stateDueAt = Instant.distantFuture
    var published: Publication?
    /// Used since the eviction hand came by.
    var hasSecondChance = false

    init(_ id: ActionID, now: Instant) {
        looks = PerSource { _ in Look(spelling: id, firstSeenAt: now) }
    }

    /// Somebody is held until news comes: the interval is the shortest.
    var isWatched: Bool { waiters.arePatient }
    func isWatched(at source: Source) -> Bool { waiters.arePatient(at: source) }

    /// Becomes again what it was before it was retired.
    mutating func restore(_ shared: Shared<Answer>, kept: Duration) {
        let answer = shared.value
        published = Publication(shared, servableUntil: answer.keptUntil)
        looks[answer.document.source].isKnown = true
        looks[answer.document.source].answer = Look.Told(
            document: answer.document, checkedAt: answer.checkedAt,
            at: answer.keptUntil - kept, newsAt: answer.keptUntil - kept,
            answeredAt: answer.answeredAt)
    }

    var isKnown: Bool { Source.allCases.contains { looks[$0].isKnown } }

    func lane(at source: Source) -> Lane {
        if isKnown { return .known }
        return looks[source].notFoundSince == nil ? .unknown : .notFound
    }
    var isBusy: Bool {
        !waiters.isEmpty || lookUpAskedAt != nil
            || Source.allCases.contains {
                looks[$0].flight != nil || looks[$0].wanted != nil || looks[$0].isUnkept
            }
    }
}

// MARK: - Events

extension ActionTracker {
    private mutating func handle(_ event: Event) {
        switch event {
        case .asked(let caller, let question): asked(caller, question)
        case .left(let caller): removeCaller(caller)
        case .lookedUp(let id, let result): lookedUp(id, result)
        case .reread(let ids, let result): rereadEnded(ids, result)
        case .prepared(let key, let flight, let failure): prepared(key, flight, failure)
        case .credentialReplaced(let source): upstreams[source]?.credentialReplaced()
        case .reserved(let key, let flight, let result): reserved(key, flight, result)
        case .called(let key, let flight, let report): called(key, flight, report)
        case .settled(let key, let flight, let result): settled(key, flight, result)
        case .noticed(let notice): noticed(notice)
        case .inquired(let inquirer, let id): inquired(inquirer, id)
        case .woke: break
        case .drained: drained()
        }
    }

    private mutating func asked(_ caller: CallerID, _ question: Question) {
        guard callers.count < policy.callersMax else {
            let problem = Problem(code: .overloaded, retryAt: now + .seconds(1), sources: [])
            return effects.append(.reply(caller, .problem(problem)))
        }
        let id = question.id
        if actions[id] == nil {
            if let answer = retiredAnswer(to: question) {
                return effects.append(.reply(caller, .answer(answer)))
            }
            guard storeTroubleUntil <= now else {
                return effects.append(.reply(caller, .problem(storeProblem(question))))
            }
            track(id)
        }
        callers[caller] = id
        actions[id]?.hasSecondChance = true
        actions[id]?.wasAsked = true
        var newcomer = Caller(id: caller, question: question, askedAt: now, heldUntil: now)
        if actions[id]?.isLoaded == true {
            considerNewcomer(newcomer)
        } else {
            newcomer.heldUntil = now + coldWait(question.source)
            actions[id]?.waiters.insert(newcomer)
            touchDue(id)
        }
    }

    /// Starts to track an action: the store is asked what it has.
    mutating func track(_ id: ActionID) {
        actions[id] = TrackedAction(id, now: now)
        actions[id]?.lookUpAskedAt = now
        effects.append(.lookUp(id))
    }

    /// What is published of a finished action, for those who come past it.
    private func retiredAnswer(to question: Question) -> Answer? {
        guard let answer = retired[question.id]?.value, now < answer.keptUntil else { return nil }
        let source = answer.document.source
        return question.source ?? source == source ? answer : nil
    }

    private mutating func lookedUp(_ id: ActionID, _ result: Result<[LookRecord], StoreFailure>) {
        switch result {
        case .success(let records):
            storeWorkedAt = now
            // Somebody asks what the published answer does not tell.
            if let answer = retired.removeValue(forKey: id) {
                actions[id]?.restore(answer, kept: policy.terminalTTL)
            } else {
                evictionOrder.append(id)
            }
            actions[id]?.isLoaded = true
            take(records, of: id)
            explainToInquirers(id)
        case .failure(let failure):
            storeFailed(failure)
            explainToInquirers(id)
            refuseUnloaded(id)
        }
    }

    /// The store did not tell what it has: nobody can be answered, and the next caller tries again.
    private mutating func refuseUnloaded(_ id: ActionID) {
        var problems: [Source?: Problem] = [:]
        for caller in actions[id]?.waiters.removeAll() ?? [] {
            callers[caller.id] = nil
            let named = caller.question.source
            let problem = problems[named] ?? storeProblem(caller.question)
            problems[named] = problem
            effects.append(.reply(caller.id, .problem(problem)))
        }
        forget(id)
    }

    func storeProblem(_ question: Question) -> Problem {
        let reports = candidates(question, TrackedAction(question.id, now: now)).map {
            Problem.SourceReport(source: $0, outcome: Obstacle.store.word)
        }
        return Problem(code: .storeUnavailable, retryAt: storeTroubleUntil, sources: reports)
    }

    private mutating func drained() {
        isDraining = true
        for id in Set(callers.values).sorted(by: { $0.text < $1.text }) { touch(id) }
    }

    mutating func storeFailed(_ failure: StoreFailure) {
        storeTroubleUntil = now + .seconds(1)
        effects.append(.note(.storeFailed("\(failure)")))
    }

    private mutating func handleDueWakes() {
        var left = Self.wakesMax
        while left > 0, let target = wakes.popDue(now) {
            left -= 1
            switch target {
            case .action(let id):
                actions[id]?.wakeAt = .distantFuture
                if now >= actions[id]?.stateDueAt ?? .distantFuture {
                    touch(id)
                } else {
                    touchDue(id)
                }
            case .source(let source):
                upstreams[source]?.breaker.tick(now)
            case .store: break
            }
        }
    }
}

// MARK: - Callers and eviction

extension ActionTracker {
    private mutating func removeCaller(_ caller: CallerID) {
        guard let id = callers.removeValue(forKey: caller) else { return }
        actions[id]?.waiters.remove(caller)
    }

    private mutating func forget(_ id: ActionID) {
        let tracked = actions.removeValue(forKey: id)
        if tracked?.published != nil { effects.append(.withdraw(id)) }
    }

    /// Lets go of a finished action once it is published and nobody is concerned with it: nothing
    /// can happen to it, and whoever asks is served what is published. Such actions are most of what
    /// is kept.
    mutating func retireIfFinished(_ id: ActionID) {
        guard let tracked = actions[id], !tracked.isBusy, let published = tracked.published,
            published.answer.document.isDone
        else { return }
        actions[id] = nil
        retired[id] = published.shared
    }

    /// Second-chance eviction, a few steps of the hand at a time. Drops what memory holds of an
    /// action; its gate and answer stay in the store. Actions in use are passed over, so that the
    /// bound can be exceeded by them.
    private mutating func evictSurplus() {
        var visits = 16
        while evictionOrder.count > policy.actionsMax, visits > 0, let id = evictionOrder.popFirst()
        {
            visits -= 1
            if actions[id] == nil, retired.removeValue(forKey: id) != nil {
                effects.append(.withdraw(id))
                continue
            }
            for source in policy.configured { actions[id]?.looks[source].expire(now, policy) }
            guard let tracked = actions[id] else { continue }  // forgotten before
            if tracked.isBusy || tracked.hasSecondChance {
                actions[id]?.hasSecondChance = false
                evictionOrder.append(id)
            } else {
                forget(id)
            }
        }
    }
}

/// A small generator for jitter: seeded, so that a run can be replayed.
struct SplitMix64: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
