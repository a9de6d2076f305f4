// Completions that the store failed to take: said again until it has them.

/// A completion that other processes should know of, and nobody knows whether the store has it.
struct PendingCompletion: Sendable {
    var completion: Completion
    /// Its spans count from then.
    var madeAt: Instant
    /// When it was said last, and when that failed.
    var saidAt: Instant
    var failedAt: Instant
    /// When it is said again; nil while it is being said.
    var retryAt: Instant?
    /// How often it failed while the store took other things.
    var refusals = 0
}

/// They are named by the flights that made them, and there are no more than there were flights.
struct PendingCompletions: Sendable {
    /// What the store refuses so often it will never take.
    static let refusalsMax = 3
    static let retryInterval = Duration.seconds(1)

    private var all: [UInt64: PendingCompletion] = [:]
    /// The wake that is already in the queue.
    private var wakeAt = Instant.distantFuture

    subscript(flight: UInt64) -> PendingCompletion? { all[flight] }

    mutating func add(_ completion: Completion, madeAt: Instant, flight: UInt64, _ now: Instant) {
        all[flight] = PendingCompletion(
            completion: completion, madeAt: madeAt, saidAt: madeAt, failedAt: now,
            retryAt: now + Self.retryInterval)
    }

    mutating func remove(_ flight: UInt64) { all[flight] = nil }

    /// False: the store has refused it too often.
    mutating func failed(_ flight: UInt64, isRefused: Bool, _ now: Instant) -> Bool {
        if isRefused { all[flight]?.refusals += 1 }
        guard let refusals = all[flight]?.refusals, refusals < Self.refusalsMax else {
            return false
        }
        all[flight]?.failedAt = now
        all[flight]?.retryAt = now + Self.retryInterval
        return true
    }

    func areDue(_ now: Instant) -> Bool { !all.isEmpty && wakeAt <= now }

    /// What is to be said now, as it reads by now; what does not matter any more is dropped.
    mutating func takeDue(_ now: Instant, all isLast: Bool) -> [(flight: UInt64, Completion)] {
        var due: [(flight: UInt64, Completion)] = []
        for (flight, pending) in all.sorted(by: { $0.key < $1.key }) {
            guard let retryAt = pending.retryAt, retryAt <= now || isLast else { continue }
            let elapsed = now - pending.madeAt
            guard pending.completion.matters(after: elapsed) else {
                all[flight] = nil
                continue
            }
            all[flight]?.retryAt = nil
            all[flight]?.saidAt = now
            due.append((flight, pending.completion.later(by: elapsed)))
        }
        wakeAt = .distantFuture
        return due
    }

    /// When the first is to be said again, unless a wake for that is in the queue.
    mutating func nextWake() -> Instant? {
        guard let next = all.values.compactMap(\.retryAt).min(), next < wakeAt else { return nil }
        wakeAt = next
        return next
    }
}

extension Completion {
    func matters(after elapsed: Duration) -> Bool {
        if case .answer = news { return true }
        return pause ?? .zero > elapsed
    }

    /// The same, said so much later.
    fileprivate func later(by elapsed: Duration) -> Completion {
        var later = self
        if case .opens(let span) = gate { later.gate = .opens(in: max(.zero, span - elapsed)) }
        later.pause = pause.flatMap { $0 > elapsed ? $0 - elapsed : nil }
        later.breaker = nil
        later.sentAgo = sentAgo.map { $0 + elapsed }
        later.answeredAgo = answeredAgo + elapsed
        if case .miss(var miss) = news {
            miss.age += elapsed
            later.news = .miss(miss)
        }
        return later
    }
}
