// Other processes on the same store: what they have done is read anew, what they do is waited for.

import DequeModule

extension ActionTracker {
    mutating func noticed(_ notice: StoreNotice) {
        switch notice {
        case .changed(let id): reread(id, isUrgent: true)
        case .missed: rereadAll()
        }
    }

    /// Has the action read anew, unless nothing can change or nobody here knows it.
    private mutating func reread(_ id: ActionID, isUrgent: Bool) {
        guard let tracked = actions[id], !tracked.isFinished else { return }
        rereads.insert(id, isUrgent: isUrgent)
    }

    /// Whoever is held comes first, then what is told without asking the store.
    private mutating func rereadAll() {
        for id in evictionOrder {
            guard let tracked = actions[id] else { continue }
            if !tracked.waiters.isEmpty {
                reread(id, isUrgent: true)
            } else if tracked.isReliedOn(now) {
                reread(id, isUrgent: false)
            }
        }
    }

    /// Starts the re-reads that there is room for. Only a re-read that failed itself keeps them
    /// waiting: another operation may have failed for reasons of its own.
    mutating func pullRereads() {
        guard !rereads.isEmpty else { return }
        guard rereads.pausedUntil <= now else { return planRereads() }
        while let due = rereads.start() {
            var batch: [ActionID] = []
            for id in due {
                if actions[id]?.lookUpAskedAt == nil {
                    if actions[id] != nil { batch.append(id) }
                    actions[id]?.lookUpAskedAt = now
                } else {
                    actions[id]?.isOutdated = true
                }
            }
            if batch.isEmpty { rereads.dropped() } else { effects.append(.reread(batch)) }
        }
    }

    private mutating func planRereads() {
        guard rereadWakeAt < rereads.pausedUntil else { return }
        rereadWakeAt = rereads.pausedUntil
        wakes.insert(.store, at: rereadWakeAt)
    }

    /// The store has told what it has of actions that were known here already, or failed to.
    mutating func rereadEnded(_ ids: [ActionID], _ result: Result<[LookRecord], StoreFailure>) {
        switch result {
        case .success(let records):
            rereads.worked()
            storeWorkedAt = now
            let found = Dictionary(grouping: records, by: \.key.id)
            for id in ids { take(found[id] ?? [], of: id) }
        case .failure(let failure):
            // Told once, however often it is tried again.
            if rereads.isWell { storeFailed(failure) }
            rereads.failed(now)
            for id in ids {
                actions[id]?.lookUpAskedAt = nil
                rereads.insert(id, isUrgent: true)
            }
        }
    }

    /// Takes over what a look-up has brought. A notice that came meanwhile may speak of what came
    /// after it.
    mutating func take(_ records: [LookRecord], of id: ActionID) {
        let askedAt = actions[id]?.lookUpAskedAt ?? now
        for record in records {
            absorb(record, askedAt: askedAt)
            dropWantUnlessDue(record.key)
        }
        if !records.isEmpty { actions[id]?.wasAsked = true }
        let isOutdated = actions[id]?.isOutdated == true
        actions[id]?.lookUpAskedAt = nil
        actions[id]?.isOutdated = false
        actions[id]?.toldAt = now
        if isOutdated { rereads.insert(id, isUrgent: true) }
        touch(id)
    }

    mutating func absorb(_ record: LookRecord, askedAt: Instant) {
        let source = record.key.source
        guard let policy = policy.sources[source] else { return }
        let wasKnown = actions[record.key.id]?.isKnown == true
        actions[record.key.id]?.looks[source].absorb(record, askedAt: askedAt, now, policy)
        if !wasKnown { lineUpAsKnown(record.key.id) }
    }
}

extension TrackedAction {
    /// States that are final are all there is to know: of an id that both upstreams know, both.
    fileprivate var isFinished: Bool {
        let told = Source.allCases.compactMap { looks[$0].answer?.document.isDone }
        return !told.isEmpty && told.allSatisfy { $0 }
    }

    /// Something is told of it without asking the store.
    fileprivate func isReliedOn(_ now: Instant) -> Bool {
        if let published, published.servableUntil > now { return true }
        return Source.allCases.contains { looks[$0].miss != nil }
    }
}

/// A call that another process seems to be making: what the gate tells of it.
struct NeighbourCall: Sendable, Equatable {
    var startedAt: Instant
    /// By then it has ended, or its process is gone.
    var endsBy: Instant

    /// Nil when the gate does not stand as one that was reserved and is not settled yet: a settled
    /// one opens after the interval, unless the upstream asked for more, which is kept as a miss.
    init?(
        _ record: LookRecord, news: Instant?, askedAt: Instant, _ now: Instant,
        _ policy: SourcePolicy
    ) {
        let settledMax = policy.minInterval + policy.slew
        guard record.opensIn > settledMax, record.opensIn <= policy.hold else { return nil }
        startedAt = askedAt - (policy.hold - record.opensIn)
        guard news ?? .distantPast < startedAt else { return nil }
        endsBy = now + (record.opensIn - settledMax)
    }
}
