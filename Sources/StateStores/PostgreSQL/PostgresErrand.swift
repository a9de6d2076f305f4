// One thing that is said to the shared store, and the list of those that are not done yet.

import StatusCore

struct PostgresErrand {
    enum Task {
        case asked(StoreOperation)
        case beat
        case setBack
        case carryOver
    }

    var number: Int
    var task: Task
    /// When it is given up, if there is no reply.
    var deadline: ContinuousClock.Instant
    /// On the store's local clock; nil: not yet.
    var sent: Instant?
    var sentAt: ContinuousClock.Instant?
    /// The asker was told that there is no reply. The reply still has its place in the order.
    var isGivenUp = false

    var isSettlement: Bool {
        guard case .asked(let operation) = task, case .settle = operation.request else {
            return false
        }
        return true
    }

    var isForChanges: Bool {
        guard case .asked(let operation) = task, case .changes = operation.request else {
            return false
        }
        return true
    }

    func fail(_ failure: StoreFailure) {
        guard !isGivenUp, case .asked(let operation) = task else { return }
        operation.fail(failure)
    }
}

/// What waits and what is on its way, in order: replies come in the order of sending.
struct PostgresErrands {
    private(set) var inFlight: [PostgresErrand] = []
    private(set) var waiting: [PostgresErrand] = []
    private var nextNumber = 0

    var isEmpty: Bool { inFlight.isEmpty && waiting.isEmpty }
    /// Somebody still is to be told something.
    var isAwaited: Bool { !waiting.isEmpty || inFlight.contains { !$0.isGivenUp } }

    mutating func add(
        _ task: PostgresErrand.Task, until deadline: ContinuousClock.Instant, first: Bool = false
    ) {
        nextNumber += 1
        let errand = PostgresErrand(number: nextNumber, task: task, deadline: deadline)
        if first { waiting.insert(errand, at: 0) } else { waiting.append(errand) }
    }

    /// Puts one back at its place before all that wait: it is sent anew.
    mutating func putBack(_ errand: PostgresErrand) {
        var errand = errand
        errand.sent = nil
        errand.sentAt = nil
        waiting.insert(errand, at: 0)
    }

    /// The ones to be sent next, at most `count`.
    mutating func send(
        atMost count: Int, at local: Instant, _ now: ContinuousClock.Instant
    ) -> [PostgresErrand] {
        let batch = waiting.prefix(max(0, count)).map { waiting in
            var errand = waiting
            errand.sent = local
            errand.sentAt = now
            return errand
        }
        waiting.removeFirst(batch.count)
        inFlight += batch
        return batch
    }

    /// The errand that a reply is to; nil: replies are out of order.
    mutating func replied(_ number: Int) -> PostgresErrand? {
        guard inFlight.first?.number == number else { return nil }
        return inFlight.removeFirst()
    }

    /// Takes out what waits, and gives up what is on its way, past its deadline.
    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresErrand] {
        var late = waiting.filter { $0.deadline <= now }
        if !late.isEmpty { waiting.removeAll { $0.deadline <= now } }
        for index in inFlight.indices
        where inFlight[index].deadline <= now && !inFlight[index].isGivenUp {
            late.append(inFlight[index])
            inFlight[index].isGivenUp = true
        }
        return late
    }

    /// The connection is gone. Settlements can be said again, and are put back; the rest is returned,
    /// what waits too if `hopeless`.
    mutating func lose(hopeless: Bool) -> [PostgresErrand] {
        let isKept = { (errand: PostgresErrand) in errand.isSettlement && !errand.isGivenUp }
        let again = inFlight.filter(isKept).map { kept in
            var errand = kept
            errand.sent = nil
            errand.sentAt = nil
            return errand
        }
        let lost =
            inFlight.filter { !isKept($0) } + (hopeless ? waiting.filter { !isKept($0) } : [])
        if hopeless { waiting.removeAll { !isKept($0) } }
        inFlight = []
        waiting = again + waiting
        return lost
    }
}
