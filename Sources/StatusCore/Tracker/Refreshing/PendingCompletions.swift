// Completions that the store failed to record, which are repeated until it has.

/// A completion that other processes need, and that the store may not have.
struct PendingCompletion: Sendable {
    var completion: Completion
    /// Its durations count from this time.
    var madeAt: Instant
    /// When it was last sent, and when that failed.
    var saidAt: Instant
    var failedAt: Instant
    /// When it is repeated; nil while an attempt is under way.
    var retryAt: Instant?
    /// How often it failed while other operations succeeded.
    var refusals = 0
}

/// They are keyed by their flights, whose number bounds them.
struct PendingCompletions: Sendable {
    /// After this many refusals a completion is given up.
    static let refusalsMax = 3
    static let retryInterval = Duration.seconds(1)

    private var all: [UInt64: PendingCompletion] = [:]
    /// The time of the queued wake.
    private var wakeAt = Instant.distantFuture

    subscript(flight: UInt64) -> PendingCompletion? { all[flight] }

    mutating func add(_ completion: Completion, madeAt: Instant, flight: UInt64, _ now: Instant) {
        all[flight] = PendingCompletion(
            completion: completion, madeAt: madeAt, saidAt: madeAt, failedAt: now,
            retryAt: now + Self.retryInterval)
    }

    mutating func remove(_ flight: UInt64) { all[flight] = nil }

    /// False if the store has refused it too often.
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

    /// The due completions, adjusted to now; those that no longer matter are dropped.
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

    /// When the first is repeated, unless a wake for that is queued.
    mutating func nextWake() -> Instant? {
        guard let next = all.values.compactMap(\.retryAt).min(), next < wakeAt else { return nil }
        wakeAt = next
        return next
    }
}

extension Completion {
    func matters(after elapsed: Duration) -> Bool {
        if case .answer = observation { return true }
        return pause ?? .zero > elapsed
    }

    /// The same completion, sent that much later.
    fileprivate func later(by elapsed: Duration) -> Completion {
        var later = self
        if case .opens(let span) = gate { later.gate = .opens(in: max(.zero, span - elapsed)) }
        later.pause = pause.flatMap { $0 > elapsed ? $0 - elapsed : nil }
        later.breaker = nil
        later.sentAgo = sentAgo.map { $0 + elapsed }
        later.answeredAgo = answeredAgo + elapsed
        if case .negative(var kept) = observation {
            kept.age += elapsed
            later.observation = .negative(kept)
        }
        return later
    }
}
