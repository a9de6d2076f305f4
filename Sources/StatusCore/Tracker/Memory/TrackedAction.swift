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
    var explanationCallers: [CallerID] = []
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

/// An entry for each source. Only entries that differ from a new one use memory, since an action
/// mostly concerns one source.
struct EntryTable: Sendable {
    private var rows: [(source: Source, entry: Entry)] = []
    /// The entry of a source before anything is known.
    private let first: Entry

    init(_ first: Entry) { self.first = first }

    /// In no particular order.
    var all: some Collection<Entry> { rows.lazy.map(\.entry) }

    subscript(source: Source) -> Entry {
        get { index(of: source).map { rows[$0].entry } ?? first }
        _modify {
            if index(of: source) == nil { rows.append((source, first)) }
            let index = index(of: source) ?? rows.count - 1
            yield &rows[index].entry
        }
    }

    mutating func changeAll(_ change: (inout Entry) -> Void) {
        for index in rows.indices { change(&rows[index].entry) }
    }

    private func index(of source: Source) -> Int? { rows.firstIndex { $0.source == source } }
}
