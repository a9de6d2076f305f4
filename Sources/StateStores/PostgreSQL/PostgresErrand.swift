// Operations that wait for their batch, in the order in which they were asked for.

import StatusCore

struct PostgresErrand {
    var operation: StoreOperation
    /// When it is given up, if there is no reply.
    var deadline: ContinuousClock.Instant
    /// The asker was told that there is no reply. What is under way goes on.
    var isGivenUp = false

    var isCompletion: Bool {
        if case .complete = operation.request { true } else { false }
    }

    /// No decision: it shares no reading with others.
    var isAlone: Bool {
        switch operation.request {
        case .changes, .purge: true
        case .lookUp, .reserve, .complete, .register: false
        }
    }

    func fail(_ failure: StoreFailure) {
        if !isGivenUp { operation.fail(failure) }
    }

    /// What it brings along, and the batch has to carry.
    var documentBytes: Int {
        guard case .complete(let completion, _) = operation.request else { return 0 }
        switch completion.news {
        case .answer(let document, _): return document.bytes.count
        case .miss, .none: return 0
        }
    }
}

struct PostgresErrands {
    private(set) var waiting: [PostgresErrand] = []

    mutating func add(_ errand: PostgresErrand, first: Bool = false) {
        waiting.insert(errand, at: first ? 0 : waiting.count)
    }

    /// The errands of the next batch.
    mutating func take(atMost count: Int, bytesMax: Int) -> [PostgresErrand] {
        var batch: [PostgresErrand] = []
        var bytes = 0
        for errand in waiting.prefix(count) {
            bytes += errand.documentBytes
            let isAlone = errand.isAlone || batch.first?.isAlone == true
            guard batch.isEmpty || !isAlone && bytes <= bytesMax else { break }
            batch.append(errand)
        }
        waiting.removeFirst(batch.count)
        return batch
    }

    /// Takes out what is past its deadline.
    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresErrand] {
        let late = waiting.filter { $0.deadline <= now }
        if !late.isEmpty { waiting.removeAll { $0.deadline <= now } }
        return late
    }

    /// The connection is gone. Completions can be said again, and are put back; the rest is returned,
    /// what waits too if `hopeless`.
    mutating func lose(_ underWay: [PostgresErrand], hopeless: Bool) -> [PostgresErrand] {
        let isKept = { (errand: PostgresErrand) in errand.isCompletion && !errand.isGivenUp }
        let given = hopeless ? waiting.filter { !isKept($0) } : []
        let lost = underWay.filter { !isKept($0) } + given
        if hopeless { waiting.removeAll { !isKept($0) } }
        waiting = underWay.filter(isKept) + waiting
        return lost
    }
}
