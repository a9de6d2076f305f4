// One process of the service: a tracker, its clocks, and its crashes and stops.

@testable import StateStores
@testable import StatusCore

/// A process that can crash, start again and be stopped for a while.
final class Replica {
    let index: Int
    let clock: DriftingClock
    private(set) var tracker: ActionTracker
    /// The answers that can be served without the tracker.
    var board: [ActionID: Snapshot] = [:]
    /// Raised by each crash, so that events for an earlier life get lost.
    private(set) var life = 0
    private(set) var isUp = true
    /// True time until which the process is stopped.
    private(set) var pausedUntil = Instant.distantPast
    /// True time at which it was stopped last.
    private(set) var pausedFrom = Instant.distantPast
    /// The error of its machine's wall clock.
    var wallOffset: Duration
    private(set) var isDraining = false
    /// True time of its last step.
    private(set) var steppedAt = Instant.distantPast
    /// The total time for which it has been stopped.
    private(set) var timePaused = Duration.zero
    /// Effects of a step during which it was stopped.
    var unfinished: [Effect] = []
    var calls: [UInt64: SimCall] = [:]
    /// Flights for which the store has granted a call, and from which shares.
    var grants: [UInt64: Share] = [:]
    /// Until when its client sends nothing to an upstream, on its clock.
    private(set) var leftAlone: [Source: Instant] = [:]
    /// Its store carries out operations in order.
    var lastStoreOperation = Instant.distantPast
    /// The same for a PostgreSQL: the first one is in progress.
    var storeQueue: [(World) -> Void] = []
    /// What it remembers of the PostgreSQL.
    var memory = PostgresMemory()
    /// When it last had an exchange with it.
    var beatAt = Instant.distantPast
    var wakeAt = Instant.distantFuture

    private let policy: TrackerPolicy
    private let mutant: Mutant?

    init(
        _ index: Int, _ policy: TrackerPolicy, _ mutant: Mutant?, _ random: inout SimRandom
    ) {
        self.index = index
        self.policy = policy
        self.mutant = mutant
        clock = DriftingClock(&random)
        wallOffset = random.permille(200) ? .hour : random.milliseconds(0...500)
        tracker = ActionTracker(policy: policy, seed: random.seed())
    }

    func step(_ event: Event, at time: Instant) -> [Effect] {
        steppedAt = time
        let effects = tracker.step(event, now: clock.shows(time))
        if let mutant { tracker.bend(by: mutant, at: clock.shows(time)) }
        return effects
    }

    func drain(at time: Instant) -> [Effect] {
        isDraining = true
        return step(.drained, at: time)
    }

    func crash() {
        life += 1
        isUp = false
        board = [:]
        calls = [:]
        unfinished = []
        grants = [:]
        storeQueue = []
        memory = PostgresMemory()
        wakeAt = .distantFuture
    }

    func leaveAlone(_ source: Source, until: Instant) {
        leftAlone[source] = max(leftAlone[source] ?? .distantPast, until)
    }

    func start(seed: UInt64) {
        isUp = true
        leftAlone = [:]
        isDraining = false
        tracker = ActionTracker(policy: policy, seed: seed)
    }

    func pause(from now: Instant, for span: Duration) {
        if pausedUntil <= now { pausedFrom = now }
        let end = max(pausedUntil, now + span)
        timePaused += end - max(now, pausedUntil)
        pausedUntil = end
    }

    /// The answer that is served without the tracker.
    func answerOnBoard(_ question: Question, at time: Instant) -> Answer? {
        guard let found = board[question.id], clock.shows(time) < found.servableUntil else {
            return nil
        }
        let answer = found.answer
        guard question.source ?? answer.document.source == answer.document.source else {
            return nil
        }
        return question.patience == .none || answer.document.isDone ? answer : nil
    }

    /// The age that each route gives an answer now, of those that answer at once.
    func reasons(_ id: ActionID, at time: Instant) -> [(way: String, reason: StaleReason?)] {
        let local = clock.shows(time)
        // A wake that is late may bring a change at any moment.
        guard tracker.actions[id]?.isLoaded == true, tracker.nextWake ?? local >= local else {
            return []
        }
        let board = answerOnBoard(Question(id: id), at: time).map { ("board", $0.staleReason) }
        return [board].compactMap { $0 } + tracker.staleReasons(id, now: local)
    }

    /// Whether both upstreams have reported a state of it.
    func knowsTwice(_ id: ActionID) -> Bool {
        let reported = policy.configured.filter { tracker.actions[id]?.entries[$0].observed != nil }
        return reported.count > 1
    }

    /// Whether a state is known for that request, so that its callers are not held for long.
    func hasAnswer(_ question: Question, at time: Instant) -> Bool {
        guard let tracked = tracker.actions[question.id], tracked.isLoaded else { return false }
        let soon = max(clock.shows(time) + .seconds(3), question.patience.deadline ?? .distantPast)
        return policy.configured.contains { source in
            guard question.source ?? source == source else { return false }
            let entry = tracked.entries[source]
            return entry.observed.map { entry.keptUntil($0, policy) > soon } == true
        }
    }
}

// MARK: - What stands in line

extension Replica {
    func flight(_ key: EntryKey) -> UInt64? {
        tracker.actions[key.id]?.entries[key.source].flight?.number
    }

    /// The former place of a refresh that has just got its turn.
    func turn(_ key: EntryKey) -> Place? {
        guard let tracked = tracker.actions[key.id], let flight = tracked.entries[key.source].flight
        else { return nil }
        return place(key, tracked, flight.line, since: flight.deferredSince, isStarted: true)
    }

    /// The place of a refresh that has no turn yet, or got it after that flight. Refreshes of upstreams
    /// that are no longer requested do not matter.
    func place(_ key: EntryKey, behind flight: UInt64) -> Place? {
        guard let tracked = tracker.actions[key.id], isAsked(Question(id: key.id), key.source)
        else { return nil }
        let entry = tracked.entries[key.source]
        if let other = entry.flight, other.number > flight {
            return place(key, tracked, other.line, since: other.deferredSince, isStarted: true)
        }
        guard let refresh = entry.deferred else { return nil }
        return place(key, tracked, refresh.line, since: refresh.since, isStarted: false)
    }

    private func place(
        _ key: EntryKey, _ tracked: TrackedAction, _ line: RefreshLine, since: Instant,
        isStarted: Bool
    ) -> Place {
        let entry = tracked.entries[key.source]
        let triedAt = [entry.observed?.at, entry.negative?.at].compactMap { $0 }.max()
        let knownSince = triedAt ?? entry.firstSeenAt
        // An answer that has expired meanwhile leaves its place.
        let hasRunOut = entry.isKnown && entry.observed == nil
        return Place(
            key: key, line: line, since: since, knownSince: knownSince,
            isUnchanged: !hasRunOut && max(knownSince, tracked.recordedAt) <= since,
            isStarted: isStarted)
    }

    func isKnown(_ key: EntryKey) -> Bool {
        tracker.actions[key.id]?.budget(at: key.source) == .known
    }

    /// Whether a key holder has calls left for unknown ids.
    func mayLookUp(_ holder: String?, _ source: Source) -> Bool {
        tracker.upstreams[source]?.budgets.blocked(holder: holder, tracker.now) == nil
    }

    /// Whether a request concerns that upstream.
    func isAsked(_ question: Question, _ source: Source) -> Bool {
        guard let tracked = tracker.actions[question.id] else { return false }
        return tracker.candidates(question, tracked).contains(source)
    }
}

/// One call in flight.
struct SimCall {
    var key: EntryKey
    var sendBefore: Instant
    /// True time.
    var startedAt: Instant
    /// On the process's clock.
    var sentAt: Instant?
    var share: Share
}

/// The shares of the budget from which the store granted a call.
struct Share {
    var wasUnknown = false
    var wasNotFound = false
    var holder: String?
}
