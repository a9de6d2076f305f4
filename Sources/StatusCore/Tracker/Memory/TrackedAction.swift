// Everything known of one id: its entries, its waiters, and its published answer.

struct TrackedAction: Sendable {
    var entries: EntryTable
    /// True once the store's look-up has succeeded.
    var isLoaded = false
    /// When the look-up under way was requested.
    var lookUpAskedAt: Instant?
    /// Whether the result of the look-up under way may be outdated.
    var isOutdated = false
    /// When the last successful look-up ended.
    var recordedAt = Instant.distantPast
    /// Whether it has been asked for, in this process or by the store's record.
    var wasAsked = false
    /// Callers that wait for an explanation, until the store's look-up has ended.
    var inquirers: [CallerID] = []
    var waiters = Waiters()
    /// The time of the queued wake.
    var wakeAt = Instant.distantFuture
    /// When its state has to be considered again, apart from callers.
    var stateDueAt = Instant.distantFuture
    var published: Snapshot?
    /// The source at which it counts as not done.
    var pendingAt: Source?
    /// Whether it was used since the eviction hand's last visit.
    var hasSecondChance = false

    init(_ id: ActionID, now: Instant) {
        entries = EntryTable(Entry(spelling: id, firstSeenAt: now))
    }

    /// Whether a caller waits for a new state, so that the shortest interval applies.
    var isWatched: Bool { waiters.arePatient }
    func isWatched(at source: Source) -> Bool { waiters.arePatient(at: source) }

    var isKnown: Bool { entries.all.contains(where: \.isKnown) }

    func budget(at source: Source) -> BudgetClass {
        if isKnown { return .known }
        return entries[source].notFoundSince == nil ? .unknown : .notFound
    }

    /// Whether work is under way for it, or a caller waits.
    var isBusy: Bool {
        !waiters.isEmpty || lookUpAskedAt != nil
            || entries.all.contains { $0.flight != nil || $0.deferred != nil || $0.isUnkept }
    }

    /// Whether all known states are final: both, if two upstreams know the id.
    var isFinished: Bool {
        let areDone = entries.all.compactMap { $0.observed?.document.isDone }
        return !areDone.isEmpty && areDone.allSatisfy { $0 }
    }

    /// Whether answers are served without asking the store.
    func isReliedOn(_ now: Instant) -> Bool {
        if let published, published.servableUntil > now { return true }
        return entries.all.contains { entry in
            entry.negative.map { now - $0.at < Entry.negativeMax } ?? false
        }
    }

    mutating func expire(_ now: Instant, _ policy: TrackerPolicy) {
        entries.changeAll { $0.expire(now, policy) }
    }

    /// Restores the action as it was before it was retired.
    mutating func restore(_ retired: Snapshot, kept: Duration) {
        let answer = retired.answer
        published = retired
        entries[answer.document.source].isKnown = true
        entries[answer.document.source].observed = Entry.ObservedState(
            document: answer.document, checkedAt: answer.checkedAt,
            at: answer.keptUntil - kept, newsAt: answer.keptUntil - kept,
            answeredAt: answer.answeredAt)
    }
}
