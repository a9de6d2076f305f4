// Why a stored answer is stale: one rule for all ways of asking, published answers included.

/// Why an answer is stale now, and how long that holds if nothing happens meanwhile.
struct Staleness: Sendable {
    /// Nil: it is not stale.
    var reason: StaleReason?
    var until = Instant.distantFuture
    /// It is due, and an obstacle keeps it from being refreshed.
    var isBlocked = false
}

/// The published answers of one upstream that tell of the obstacle there was when they were made.
struct BlockedPublications: Sendable {
    private(set) var ids: Set<ActionID> = []
    private(set) var reason: StaleReason?
    /// By then the last of them has run out.
    private(set) var until = Instant.distantPast

    mutating func insert(_ id: ActionID, _ reason: StaleReason?, until: Instant) {
        ids.insert(id)
        self.reason = reason
        self.until = max(self.until, until)
    }

    mutating func remove(_ id: ActionID) { ids.remove(id) }
    mutating func removeAll() { self = BlockedPublications() }
}

extension ActionTracker {
    func staleness(_ tracked: TrackedAction, _ source: Source) -> Staleness {
        let look = tracked.looks[source]
        guard let upstream = upstreams[source], let told = look.answer, !told.document.isDone else {
            return Staleness()
        }
        let lane = tracked.lane(at: source)
        let isRefreshing = refreshStart(look, lane, upstream) != nil
        let dueAt = look.dueAt(watched: false, upstream.policy)
        // A 404 is told for as long as it is the last word, whatever keeps us from asking again.
        let canBlock = !isRefreshing && look.miss?.isNotFound != true
        if canBlock, now >= dueAt, let blocked = blocked(upstream, lane) {
            return Staleness(
                reason: blocked.obstacle.staleReason, until: blocked.until, isBlocked: true)
        }
        let blockedFrom = canBlock && now < dueAt ? dueAt : .distantFuture
        if let miss = look.miss {
            return Staleness(reason: miss.fault.kind.staleReason, until: blockedFrom)
        }
        guard isRefreshing else { return Staleness(until: blockedFrom) }
        // The gate is shut for the call under way: it does not tell whether a look was due.
        let freshUntil = look.freshUntil(told, policy, source)
        return now < freshUntil ? Staleness(until: freshUntil) : Staleness(reason: .slow)
    }

    /// Remembers whether what is published tells of an obstacle.
    mutating func noteBlocked(
        _ id: ActionID, _ tracked: TrackedAction, _ publication: Publication?
    ) {
        for source in policy.configured {
            guard let publication, publication.answer.document.source == source,
                staleness(tracked, source).isBlocked
            else {
                upstreams[source]?.published.remove(id)
                continue
            }
            upstreams[source]?.published.insert(
                id, publication.answer.staleReason, until: publication.servableUntil)
        }
    }

    /// An obstacle has gone before its time, or given way to another one: who asks for what was
    /// published under it asks the tracker again.
    mutating func withdrawOutdated() {
        for source in policy.configured {
            guard upstreams[source]?.published.ids.isEmpty == false,
                let upstream = upstreams[source]
            else { continue }
            let reason = blocked(upstream, .known)?.obstacle.staleReason
            guard reason != upstream.published.reason else { continue }
            if now < upstream.published.until {
                for id in upstream.published.ids where actions[id]?.published != nil {
                    actions[id]?.published = nil
                    effects.append(.withdraw(id))
                }
            }
            upstreams[source]?.published.removeAll()
        }
    }
}
