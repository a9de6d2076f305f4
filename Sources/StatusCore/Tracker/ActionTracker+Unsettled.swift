// Settlements that the store failed to take: said again until it has them.

/// A settlement that other processes should hear of, and nobody knows whether the store has it.
struct Unsettled: Sendable {
    var settlement: Settlement
    /// Its spans count from then.
    var madeAt: Instant
    /// When it was said last, and when that failed.
    var saidAt: Instant
    var failedAt: Instant
    /// When it is said again; nil while it is being said.
    var retryAt: Instant?
    /// How often it failed while the store took other things.
    var refusals = 0

    /// What the store refuses so often it will never take.
    static let refusalsMax = 3
    static let retryInterval = Duration.seconds(1)
}

extension ActionTracker {
    /// Keeps what the store did not take, if others need it: that the upstream is to be left alone, or
    /// an answer.
    mutating func keepUnsettled(_ settlement: Settlement, askedAt: Instant, flight: UInt64) {
        guard settlement.matters(after: .zero), !isDraining else { return }
        let retryAt = now + Unsettled.retryInterval
        unsettled[flight] = Unsettled(
            settlement: settlement, madeAt: askedAt, saidAt: askedAt, failedAt: now,
            retryAt: retryAt)
        planUnsettled(retryAt)
    }

    private mutating func planUnsettled(_ retryAt: Instant) {
        guard retryAt < unsettledDueAt else { return }
        unsettledDueAt = retryAt
        wakes.insert(.store, at: retryAt)
    }

    /// Says again what is due; a process that is about to stop, everything, at once and for the last
    /// time.
    mutating func sayUnsettledAgain() {
        guard !unsettled.isEmpty, unsettledDueAt <= now || isDraining else { return }
        for (flight, debt) in unsettled.sorted(by: { $0.key < $1.key }) {
            guard let retryAt = debt.retryAt, retryAt <= now || isDraining else { continue }
            let elapsed = now - debt.madeAt
            guard debt.settlement.matters(after: elapsed) else {
                unsettled[flight] = nil
                continue
            }
            unsettled[flight]?.retryAt = nil
            unsettled[flight]?.saidAt = now
            flights += 1
            effects.append(.settle(debt.settlement.later(by: elapsed), flight: flight))
        }
        unsettledDueAt = .distantFuture
        if let next = unsettled.values.compactMap(\.retryAt).min() { planUnsettled(next) }
    }

    mutating func settledAgain(
        _ key: LookKey, _ flight: UInt64, _ debt: Unsettled,
        _ result: Result<SettlementReply, StoreFailure>
    ) {
        flights -= 1
        switch result {
        case .success(let reply):
            unsettled[flight] = nil
            storeWorkedAt = now
            absorb(settled: reply.record, askedAt: debt.saidAt)
            touch(key.id)
        case .failure(let failure):
            // Other work goes on meanwhile: it shows whether the store is in trouble, or this is.
            let refusals = debt.refusals + (storeWorkedAt >= debt.failedAt ? 1 : 0)
            guard !isDraining, refusals < Unsettled.refusalsMax else {
                unsettled[flight] = nil
                return effects.append(.note(.storeFailed("\(failure)")))
            }
            unsettled[flight]?.refusals = refusals
            unsettled[flight]?.failedAt = now
            unsettled[flight]?.retryAt = now + Unsettled.retryInterval
            planUnsettled(now + Unsettled.retryInterval)
        }
    }
}

extension Settlement {
    fileprivate func matters(after elapsed: Duration) -> Bool {
        if case .answer = news { return true }
        return pause ?? .zero > elapsed
    }

    /// The same, said so much later.
    fileprivate func later(by elapsed: Duration) -> Settlement {
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
