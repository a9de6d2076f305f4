// Everything known of one id: its entries, who waits for it, and what is published of it.

struct TrackedAction: Sendable {
    var entries: EntryTable
    /// True once the store has replied what it has.
    var isLoaded = false
    /// When the look-up under way was asked for.
    var lookUpAskedAt: Instant?
    /// The look-up under way may bring less than there is by now.
    var isOutdated = false
    /// When the store last replied what it has.
    var recordedAt = Instant.distantPast
    /// Somebody has asked for it, here or through the store.
    var wasAsked = false
    /// Who wants to know why its answer is what it is, once the store has replied what it has.
    var inquirers: [CallerID] = []
    var waiters = Waiters()
    /// The wake that is already in the queue.
    var wakeAt = Instant.distantFuture
    /// When its state has to be considered anew, whoever is held.
    var stateDueAt = Instant.distantFuture
    var published: Snapshot?
    /// The source at which it counts as not done.
    var pendingAt: Source?
    /// Used since the eviction hand came by.
    var hasSecondChance = false

    init(_ id: ActionID, now: Instant) {
        entries = EntryTable(Entry(spelling: id, firstSeenAt: now))
    }

    /// Somebody is held until news comes: the interval is the shortest.
    var isWatched: Bool { waiters.arePatient }
    func isWatched(at source: Source) -> Bool { waiters.arePatient(at: source) }

    var isKnown: Bool { entries.all.contains(where: \.isKnown) }

    func budget(at source: Source) -> BudgetClass {
        if isKnown { return .known }
        return entries[source].notFoundSince == nil ? .unknown : .notFound
    }

    /// Something is under way for it, or somebody waits.
    var isBusy: Bool {
        !waiters.isEmpty || lookUpAskedAt != nil
            || entries.all.contains { $0.flight != nil || $0.deferred != nil || $0.isUnkept }
    }

    /// States that are final are all there is to know: of an id that two upstreams know, both.
    var isFinished: Bool {
        let areDone = entries.all.compactMap { $0.observed?.document.isDone }
        return !areDone.isEmpty && areDone.allSatisfy { $0 }
    }

    /// Something is served of it without asking the store.
    func isReliedOn(_ now: Instant) -> Bool {
        if let published, published.servableUntil > now { return true }
        return entries.all.contains { entry in
            entry.negative.map { now - $0.at < Entry.negativeMax } ?? false
        }
    }

    mutating func expire(_ now: Instant, _ policy: TrackerPolicy) {
        entries.changeAll { $0.expire(now, policy) }
    }

    /// Becomes again what it was before it was retired.
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
