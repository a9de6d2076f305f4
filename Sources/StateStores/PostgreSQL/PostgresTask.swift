// Operations that wait for their batch, in the order of their requests.

import StatusCore

struct PostgresTask {
    var operation: StoreOperation
    /// When it is given up without a reply.
    var deadline: ContinuousClock.Instant
    /// Whether it was given up. Work under way continues.
    var isGivenUp = false

    var isCompletion: Bool {
        if case .complete = operation.request { true } else { false }
    }

    /// Whether it is no decision, and shares no reading with others.
    var isAlone: Bool {
        switch operation.request {
        case .changes, .purge: true
        case .lookUp, .reserve, .complete, .register: false
        }
    }

    func fail(_ failure: StoreFailure) {
        if !isGivenUp { operation.fail(failure) }
    }

    /// The size of its document, which the batch has to carry.
    var documentBytes: Int {
        guard case .complete(let completion, _) = operation.request else { return 0 }
        switch completion.observation {
        case .answer(let document, _): return document.bytes.count
        case .negative, .none: return 0
        }
    }
}

struct PostgresTasks {
    private(set) var waiting: [PostgresTask] = []

    mutating func add(_ task: PostgresTask, first: Bool = false) {
        waiting.insert(task, at: first ? 0 : waiting.count)
    }

    /// The tasks of the next batch.
    mutating func take(atMost count: Int, bytesMax: Int) -> [PostgresTask] {
        var batch: [PostgresTask] = []
        var bytes = 0
        for task in waiting.prefix(count) {
            bytes += task.documentBytes
            let isAlone = task.isAlone || batch.first?.isAlone == true
            guard batch.isEmpty || !isAlone && bytes <= bytesMax else { break }
            batch.append(task)
        }
        waiting.removeFirst(batch.count)
        return batch
    }

    /// Removes and returns operations past their deadline.
    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresTask] {
        let late = waiting.filter { $0.deadline <= now }
        if !late.isEmpty { waiting.removeAll { $0.deadline <= now } }
        return late
    }

    /// Handles a lost connection. Completions can be repeated, and are put back; the rest is
    /// returned, also waiting operations if `hopeless`.
    mutating func lose(_ underWay: [PostgresTask], hopeless: Bool) -> [PostgresTask] {
        let isKept = { (task: PostgresTask) in task.isCompletion && !task.isGivenUp }
        let given = hopeless ? waiting.filter { !isKept($0) } : []
        let lost = underWay.filter { !isKept($0) } + given
        if hopeless { waiting.removeAll { !isKept($0) } }
        waiting = underWay.filter(isKept) + waiting
        return lost
    }
}
