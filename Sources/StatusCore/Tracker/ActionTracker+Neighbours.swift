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
        reread(.list, isUrgent: true)
        for id in evictionOrder {
            guard let tracked = actions[id] else { continue }
            if !tracked.callers.isEmpty {
                reread(id, isUrgent: true)
            } else if tracked.isReliedOn(now) {
                reread(id, isUrgent: false)
            }
        }
    }

    /// Starts the re-reads that there is room for.
    mutating func pullRereads() {
        guard !rereads.isEmpty, !isDraining else { return }
        guard storeTroubleUntil <= now else { return planStoreWake() }
        while let id = rereads.start() {
            guard let tracked = actions[id], tracked.lookUpAskedAt == nil else {
                rereads.finished()
                actions[id]?.isOutdated = true
                continue
            }
            actions[id]?.lookUpAskedAt = now
            effects.append(.lookUp(id))
        }
    }

    private mutating func planStoreWake() {
        guard storeWakeAt < storeTroubleUntil else { return }
        storeWakeAt = storeTroubleUntil
        wakes.insert(.store, at: storeTroubleUntil)
    }

    /// The store has told what it has of an action that was known here already, or failed to.
    mutating func rereadEnded(_ id: ActionID, _ result: Result<[LookRecord], StoreFailure>) {
        rereads.finished()
        switch result {
        case .success(let records):
            storeWorkedAt = now
            take(records, of: id)
        case .failure(let failure):
            storeFailed(failure)
            actions[id]?.lookUpAskedAt = nil
            rereads.insert(id, isUrgent: false)
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

    /// The net under lost notices: while somebody is held for another process's call, the store is
    /// asked that often.
    static let recheckInterval = Duration.seconds(1)

    mutating func recheckNeighbours(_ id: ActionID) {
        guard let recheckAt = actions[id]?.recheckAt, recheckAt <= now else { return }
        actions[id]?.toldAt = now
        reread(id, isUrgent: true)
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

    /// When the store should be asked how the call that callers are held for has gone.
    var recheckAt: Instant? {
        guard !callers.isEmpty, lookUpAskedAt == nil else { return nil }
        guard Source.allCases.contains(where: { looks[$0].neighbour != nil }) else { return nil }
        return toldAt + ActionTracker.recheckInterval
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
