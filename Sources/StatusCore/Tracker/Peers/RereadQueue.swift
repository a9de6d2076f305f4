// The actions to re-read from the store, and the number for one operation: urgent ones first, each
// once.

import DequeModule

/// Actions of which the store may know more than this process. Only tracked actions are queued, so
/// their number is the bound.
struct RereadQueue: Sendable {
    /// The most operations under way at once, so that a re-read of everything does not delay
    /// reservations.
    static let underWayMax = 2
    /// The most actions of one operation.
    static let batchMax = 256
    private static let batchGrowth = 8
    /// The pause after a failed operation.
    static let pause = Duration.milliseconds(250)

    private var urgent: Deque<ActionID> = []
    private var others: Deque<ActionID> = []
    /// The members of both queues, and whether they are in the first; other items are void.
    private var members: [ActionID: Bool] = [:]
    private var underWay = 0
    /// Halved by each failure, and grows again slowly, so that a batch that exceeds the store's
    /// deadline is read in parts.
    private var batchSize = batchMax
    private(set) var pausedUntil = Instant.distantPast

    /// The time of the queued wake.
    private var wakeAt = Instant.distantPast

    /// Whether the last operation succeeded.
    var isWell: Bool { pausedUntil == .distantPast }

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ id: ActionID, isUrgent: Bool) {
        let isUrgentAlready = members[id]
        guard isUrgentAlready == nil || isUrgent && isUrgentAlready == false else { return }
        members[id] = isUrgent
        if isUrgent { urgent.append(id) } else { others.append(id) }
    }

    /// Removes the next batch, unless enough are under way.
    mutating func start() -> [ActionID]? {
        guard underWay < Self.underWayMax, !members.isEmpty else { return nil }
        var batch: [ActionID] = []
        while batch.count < batchSize, let id = urgent.popFirst() ?? others.popFirst() {
            if members.removeValue(forKey: id) != nil { batch.append(id) }
        }
        underWay += 1
        return batch
    }

    /// When re-reads resume after a failure, unless a wake for that is queued.
    mutating func nextWake() -> Instant? {
        guard wakeAt < pausedUntil else { return nil }
        wakeAt = pausedUntil
        return pausedUntil
    }

    /// None of the started batch needs to be read.
    mutating func dropped() { underWay -= 1 }

    mutating func worked() {
        underWay -= 1
        batchSize = min(Self.batchMax, batchSize + Self.batchGrowth)
        pausedUntil = .distantPast
    }

    mutating func failed(_ now: Instant) {
        underWay -= 1
        batchSize = max(1, batchSize / 2)
        pausedUntil = now + Self.pause
    }
}

/// A call that a peer seems to be making.
struct PeerCall: Sendable, Equatable {
    var startedAt: Instant
    /// When it has ended at the latest, or its process is gone.
    var endsBy: Instant

    /// Nil unless the gate is that of a reserved call that is not completed: a completed call's
    /// gate opens after the interval, unless the upstream asked for more, which is stored as a
    /// negative result. `triedAt`: the last known refresh of the entry.
    init?(
        _ record: EntryRecord, triedAt: Instant?, askedAt: Instant, _ now: Instant,
        _ policy: SourcePolicy
    ) {
        let completedMax = policy.minInterval + policy.slew
        guard record.opensIn > completedMax, record.opensIn <= policy.hold else { return nil }
        startedAt = askedAt - (policy.hold - record.opensIn)
        guard triedAt ?? .distantPast < startedAt else { return nil }
        endsBy = now + (record.opensIn - completedMax)
    }
}
