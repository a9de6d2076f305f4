// Which actions are to be read anew from the store, and how many with one operation: urgent ones
// first, each once.

import DequeModule

/// Actions of which the store may know more than this process does. Only actions that are tracked
/// stand in it, so their number bounds it.
struct RereadQueue: Sendable {
    /// Operations under way at once: a re-read of everything must not keep reservations waiting.
    static let underWayMax = 2
    /// Actions that one operation reads at most.
    static let batchMax = 256
    private static let batchGrowth = 8
    /// After a failed operation.
    static let pause = Duration.milliseconds(250)

    private var urgent: Deque<ActionID> = []
    private var others: Deque<ActionID> = []
    /// What stands in either, and whether in the first; other entries are void.
    private var members: [ActionID: Bool] = [:]
    private var underWay = 0
    /// Halved by each failure, and grows again slowly: what is too much for the store's deadline comes
    /// through in parts.
    private var batchSize = batchMax
    private(set) var pausedUntil = Instant.distantPast

    /// The wake that is already in the queue.
    private var wakeAt = Instant.distantPast

    /// The last operation was carried out.
    var isWell: Bool { pausedUntil == .distantPast }

    var isEmpty: Bool { members.isEmpty }

    mutating func insert(_ id: ActionID, isUrgent: Bool) {
        let isUrgentAlready = members[id]
        guard isUrgentAlready == nil || isUrgent && isUrgentAlready == false else { return }
        members[id] = isUrgent
        if isUrgent { urgent.append(id) } else { others.append(id) }
    }

    /// Takes out the next ones, unless enough are under way.
    mutating func start() -> [ActionID]? {
        guard underWay < Self.underWayMax, !members.isEmpty else { return nil }
        var batch: [ActionID] = []
        while batch.count < batchSize, let id = urgent.popFirst() ?? others.popFirst() {
            if members.removeValue(forKey: id) != nil { batch.append(id) }
        }
        underWay += 1
        return batch
    }

    /// When re-reads go on after a failure, unless a wake for that is in the queue.
    mutating func nextWake() -> Instant? {
        guard wakeAt < pausedUntil else { return nil }
        wakeAt = pausedUntil
        return pausedUntil
    }

    /// None of those that were started needs to be read.
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
