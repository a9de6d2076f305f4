// The core: decides when actions are refreshed, and how each caller is answered. A state machine
// without I/O: events and the time come in, effects go out.

import DequeModule

/// Tracks every action that is asked for.
///
/// One step takes one event and returns the effects to perform. There is no clock, queue or
/// randomness inside: `now` never goes back, and the seed is an argument, so a run can be replayed.
///
/// Each step has three phases: an event changes the state (``handle(_:)``), every action that it
/// touches is considered again (``consider(_:atMost:)``), and every available upstream starts the
/// first refreshes in its queue (``startRefreshes(_:)``).
public struct ActionTracker: Sendable {
    let policy: TrackerPolicy
    var upstreams: PerSource<UpstreamState>
    var actions: ActionTable
    var callers: [CallerID: ActionID] = [:]
    var evictions = EvictionQueue()
    var unfinished: UnfinishedActions
    var wakes = WakeQueue()
    var rereads = RereadQueue()
    var pendingCompletions = PendingCompletions()
    var store = StoreHealth()
    var callLog: PerSource<CallLog>
    /// The number of actions that are not done.
    var pending: PerSource<Int>
    var random: SplitMix64
    var isDraining = false
    /// The number of flights under way, and of completions that are being repeated.
    public internal(set) var flights = 0

    // Empty between steps.
    var now = Instant.distantPast
    var effects: [Effect] = []

    /// Actions to be considered: those of this step, which are last and taken first, and those left
    /// over by earlier steps.
    private var touched: Deque<Touch> = []
    var blockedRefreshes: [BlockedRefreshes] = []
    private var serial: UInt64 = 0

    /// The number of held requests that have been considered, over all steps: the cost of crowds.
    private(set) var callersConsidered = 0

    /// The most actions and held requests that a step considers: about a millisecond of work.
    static let stepSizeMax = 512
    /// The most wakes that a step takes.
    private static let wakesMax = 128

    public init(policy: TrackerPolicy, seed: UInt64) {
        self.policy = policy
        self.actions = ActionTable(capacity: policy.actionsMax, seed: seed)
        self.unfinished = UnfinishedActions(policy.configured)
        self.random = SplitMix64(seed: seed)
        self.upstreams = policy.sources.map(UpstreamState.init(policy:))
        self.callLog = policy.sources.map { _ in CallLog() }
        self.pending = policy.sources.map { _ in 0 }
    }

    /// When the tracker needs an ``Event/woke`` at the latest; nil: not at all. In the distant past
    /// if work is left for the next step, so that no step is long.
    public var nextWake: Instant? {
        touched.isEmpty && blockedRefreshes.isEmpty ? wakes.next : .distantPast
    }

    public var storedActions: Int { actions.count + actions.retiredCount }
    /// Of the states that are held, and of their compressed forms.
    public var storedBytes: Int { actions.bytes }
    public var waitingCallers: Int { callers.count }

    /// The caller whose question caused the flight under way.
    public func starter(of key: EntryKey) -> CallerID? {
        actions[key.id]?.entries[key.source].flight?.starter
    }

    /// Takes one event and returns the effects to perform, in this order.
    public mutating func step(_ event: Event, now: Instant) -> [Effect] {
        self.now = max(now, self.now)
        handle(event)
        handleDueWakes()
        checkBlocked()
        var room = Self.stepSizeMax
        repeat {
            withdrawOutdated()
            while room > 0, let touch = touched.popLast() {
                let considered = consider(touch, atMost: room)
                callersConsidered += considered
                room -= 1 + considered
            }
            for source in policy.configured { startRefreshes(source) }
            startRereads()
            completePending()
        } while room > 0 && !touched.isEmpty
        withdrawOutdated()
        evictSurplus()
        defer { effects.removeAll() }
        return effects
    }

    private mutating func handle(_ event: Event) {
        switch event {
        case .asked(let caller, let question): asked(caller, question)
        case .left(let caller): left(caller)
        case .lookedUp(let id, let result): lookedUp(id, result)
        case .reread(let ids, let result): rereadEnded(ids, result)
        case .prepared(let key, let flight, let failure): prepared(key, flight, failure)
        case .credentialReplaced(let source): upstreams[source]?.credentialReplaced()
        case .reserved(let key, let flight, let result): reserved(key, flight, result)
        case .called(let key, let flight, let report): called(key, flight, report)
        case .completed(let key, let flight, let result): completed(key, flight, result)
        case .notified(let notification): notified(notification)
        case .explanationAsked(let caller, let id): explanationAsked(caller, id)
        case .compressed(let id): weigh(id)
        case .woke: break
        case .drained: drained()
        }
    }

    private mutating func handleDueWakes() {
        var left = Self.wakesMax
        while left > 0, let target = wakes.popDue(now) {
            left -= 1
            switch target {
            case .action(let id): woke(id)
            case .source(let source):
                upstreams[source]?.breaker.tick(now)
                endBlocksOver(source)
            case .store: break
            }
        }
    }

    /// A number that was never used before in this tracker.
    mutating func nextNumber() -> UInt64 {
        serial += 1
        return serial
    }
}

// MARK: - What is considered anew

/// An action to be considered.
struct Touch: Sendable {
    var id: ActionID
    var isForDueOnly: Bool
}

extension ActionTracker {
    /// Marks the action to be considered with all its held requests: before the step ends, unless
    /// the step has much to do.
    mutating func touch(_ id: ActionID) {
        if actions[id]?.isLoaded == true { actions[id]?.waiters.beginRound() }
        touched.append(Touch(id: id, isForDueOnly: false))
    }

    /// Marks the action to be considered with the requests whose time has come.
    mutating func touchDue(_ id: ActionID) {
        touched.append(Touch(id: id, isForDueOnly: true))
    }

    /// Marks the rest of a crowd to be considered after everything else.
    mutating func touchLater(_ id: ActionID) {
        touched.prepend(Touch(id: id, isForDueOnly: false))
    }

    private mutating func woke(_ id: ActionID) {
        actions[id]?.wakeAt = .distantFuture
        if now >= actions[id]?.stateDueAt ?? .distantFuture { touch(id) } else { touchDue(id) }
    }
}
