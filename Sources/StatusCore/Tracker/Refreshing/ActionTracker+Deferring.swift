// Queues refreshes: a refresh that a question makes due is deferred to its upstream's queue, and
// started from there.

extension ActionTracker {
    /// Queues the refreshes that the caller's question makes due.
    mutating func deferDueRefreshes(_ caller: Caller) {
        guard let tracked = actions[caller.question.id] else { return }
        let asked = candidates(caller.question, tracked)
        for source in asked { deferIfDue(caller, source, tracked, asked) }
    }

    private mutating func deferIfDue(
        _ caller: Caller, _ source: Source, _ tracked: TrackedAction, _ asked: [Source]
    ) {
        guard let upstream = upstreams[source] else { return }
        let entry = tracked.entries[source]
        guard entry.flight == nil else { return }
        // Other callers may have made it due earlier than this one.
        let watched = caller.isPatient
        guard entry.deferred != nil || now >= entry.dueAt(watched: watched, upstream.policy)
        else { return }
        let question = caller.question
        let budget = tracked.budget(at: source)
        if budget != .known, upstream.budgets.blocked(holder: question.holder, now) != nil {
            return
        }
        // Whoever is held for the other upstream is held for this refresh, too; and who waits already
        // may not have asked for it yet, while it was blocked.
        let isIdle =
            blocked(upstream, budget) != nil && !watched && !tracked.isWatched(at: source)
            && entry.refreshStartedAt == nil && !asked.contains { isAwaited(tracked, $0) }
        // A refresh that a single question asked for keeps its place.
        let isTogether =
            budget != .known && question.isOfMany && entry.deferred?.line.isTogether != false
        let line = RefreshLine(budget: budget, isTogether: isTogether)
        enqueue(
            EntryKey(source, question.id), after: entry.deferred,
            DeferredRefresh(
                since: now, line: line,
                rank: rank(entry, isIdle: isIdle, place: isTogether ? question.place : 0),
                starter: caller.id, holder: question.holder, cause: question.cause))
    }

    private func isAwaited(_ tracked: TrackedAction, _ source: Source) -> Bool {
        if case .awaited = knowledge(tracked, source) { true } else { false }
    }

    /// How much later each further question of a request counts as asked.
    static let placeSpan = Duration.milliseconds(20)

    /// Unknown actions of one request are ranked as if they had been asked for one after the other,
    /// so that a small request does not wait for the whole of a large one.
    private mutating func rank(_ entry: Entry, isIdle: Bool, place: Int = 0) -> RefreshRank {
        let spread = entry.isTried ? .zero : Self.placeSpan * place
        return RefreshRank(isIdle: isIdle, triedAt: entry.triedAt + spread, number: nextNumber())
    }

    /// Queues the refresh, unless it is queued with the same or a better rank, or the queue is
    /// full.
    private mutating func enqueue(
        _ key: EntryKey, after before: DeferredRefresh?, _ newcomer: DeferredRefresh
    ) {
        var refresh = newcomer
        if let before {
            guard newcomer.improves(before) else { return }
            refresh.since = before.since
            refresh.line.isTogether = newcomer.line.isTogether && before.line.isTogether
        }
        guard upstreams[key.source]?.queue.isFull(refresh.line) == false else { return }
        enqueue(key, refresh)
    }

    private mutating func enqueue(_ key: EntryKey, _ refresh: DeferredRefresh) {
        actions[key.id]?.entries[key.source].deferred = refresh
        upstreams[key.source]?.queue.insert(key.id, refresh)
    }

    private func isDue(_ key: EntryKey, _ tracked: TrackedAction) -> Bool {
        guard let policy = policy.sources[key.source] else { return false }
        let watched = tracked.isWatched(at: key.source)
        return now >= tracked.entries[key.source].dueAt(watched: watched, policy)
    }

    /// A peer's result has arrived before the refresh had its turn.
    mutating func dropDeferredUnlessDue(_ key: EntryKey) {
        guard let tracked = actions[key.id], tracked.entries[key.source].deferred != nil
        else { return }
        if !isDue(key, tracked) { actions[key.id]?.entries[key.source].deferred = nil }
    }

    /// The id has become known: its refreshes move to the queue of known ids.
    mutating func lineUpAsKnown(_ id: ActionID) {
        guard let tracked = actions[id], tracked.isKnown else { return }
        for source in policy.configured {
            guard var refresh = tracked.entries[source].deferred, refresh.line.budget != .known
            else { continue }
            refresh.line = RefreshLine(budget: .known)
            // This voids the item in the other queue.
            refresh.rank.number = nextNumber()
            enqueue(EntryKey(source, id), refresh)
        }
    }

    /// A flight has ended before its call: its refresh stays deferred, with its age.
    mutating func deferAgain(_ key: EntryKey, _ flight: Flight) {
        guard let tracked = actions[key.id], flight.starter != nil, isDue(key, tracked)
        else { return }
        let entry = tracked.entries[key.source]
        let budget = tracked.budget(at: key.source)
        let isTogether = budget != .known && flight.line.isTogether
        enqueue(
            key, after: entry.deferred,
            DeferredRefresh(
                since: flight.deferredSince,
                line: RefreshLine(budget: budget, isTogether: isTogether),
                rank: rank(entry, isIdle: true), starter: flight.starter, holder: flight.holder,
                cause: flight.cause))
    }
}

// MARK: - Whose turn it is

extension ActionTracker {
    /// Starts the first refreshes, as long as the upstream may be called.
    mutating func startRefreshes(_ source: Source) {
        guard upstreams[source]?.queue.isEmpty == false else { return }
        upstreams[source]?.breaker.tick(now)
        while upstreams[source]?.room ?? 0 > 0, let next = next(source) { start(next, source) }
        planSourceWake(source)
    }

    private mutating func next(_ source: Source) -> RefreshQueue.Item? {
        // No copy of the queue exists while it changes, which would copy it as a whole.
        let open = RefreshLine.all.filter { line in
            upstreams[source].map { blocked($0, line.budget) == nil } ?? false
        }
        for line in open { dropVoid(source, line) }
        return upstreams[source]?.queue.next(in: open)
    }

    /// Drops void items, and refreshes that have waited so long that they have no callers left:
    /// without a caller there is no call. Refreshes whose callers have been answered move behind
    /// those of others.
    private mutating func dropVoid(_ source: Source, _ line: RefreshLine) {
        guard let policy = policy.sources[source] else { return }
        while let item = upstreams[source]?.queue.first(in: line) {
            if let tracked = actions[item.id], var refresh = tracked.entries[source].deferred,
                refresh.rank == item.rank
            {
                let isFresh = now < refresh.since + policy.maxInterval
                if isFresh && refresh.rank.isIdle || isWaitedFor(item.id, tracked, source) {
                    return
                }
                actions[item.id]?.entries[source].deferred = nil
                if isFresh {
                    refresh.rank.isIdle = true
                    enqueue(EntryKey(source, item.id), refresh)
                }
            }
            upstreams[source]?.queue.dropFirst(in: line)
        }
    }

    /// Whether a held request's question goes to that upstream.
    private func isWaitedFor(_ id: ActionID, _ tracked: TrackedAction, _ source: Source) -> Bool {
        if tracked.waiters.haveNamed(source) { return true }
        return tracked.waiters.haveNamedNone
            && candidates(Question(id: id), tracked).contains(source)
    }

    private mutating func planSourceWake(_ source: Source) {
        guard let upstream = upstreams[source], !isDraining else { return }
        var wakeAt = upstream.wakeAt
        for line in RefreshLine.all where upstream.queue.first(in: line) != nil {
            guard let blocked = blocked(upstream, line.budget),
                blocked.until < wakeAt || wakeAt <= now
            else { continue }
            wakeAt = blocked.until
            wake(.source(source), at: wakeAt)
        }
        upstreams[source]?.wakeAt = wakeAt
    }

    private mutating func start(_ item: RefreshQueue.Item, _ source: Source) {
        let key = EntryKey(source, actions[item.id]?.entries[source].spelling ?? item.id)
        let refresh = actions[key.id]?.entries[source].deferred
        let flight = Flight(
            number: nextNumber(), startedAt: now, deferredSince: refresh?.since ?? now,
            line: item.line, starter: refresh?.starter, holder: refresh?.holder,
            cause: refresh?.cause, stage: .preparing)
        actions[key.id]?.entries[source].deferred = nil
        upstreams[source]?.queue.dropFirst(in: item.line)
        begin(key, flight)
        effects.append(.prepare(key, flight: flight.number))
        touch(key.id)
    }
}
