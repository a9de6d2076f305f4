// Why a stored answer is stale: one rule for all ways of asking, published answers included.

/// Why an answer is stale now, and how long that holds if nothing happens meanwhile.
struct Staleness: Sendable {
    /// Nil: it is not stale.
    var reason: StaleReason?
    var until = Instant.distantFuture
    /// It is due, and something keeps it from being refreshed.
    var isBlocked = false
}

extension ActionTracker {
    func staleness(_ tracked: TrackedAction, _ source: Source) -> Staleness {
        let entry = tracked.entries[source]
        guard let upstream = upstreams[source], let state = entry.observed, !state.document.isDone
        else { return Staleness() }
        let budget = tracked.budget(at: source)
        let isRefreshing = refreshStart(entry, budget, upstream) != nil
        let dueAt = entry.dueAt(watched: false, upstream.policy)
        // A 404 is the reason for as long as it is the last word, whatever keeps us from asking again.
        let canBlock = !isRefreshing && entry.negative?.isNotFound != true
        if canBlock, now >= dueAt, let blocked = blocked(upstream, budget) {
            return Staleness(
                reason: blocked.reason.staleReason, until: blocked.until, isBlocked: true)
        }
        let blockedFrom = canBlock && now < dueAt ? dueAt : .distantFuture
        if let negative = entry.negative {
            return Staleness(reason: negative.fault.kind.staleReason, until: blockedFrom)
        }
        guard isRefreshing else { return Staleness(until: blockedFrom) }
        // The gate is shut for the call under way: it does not show whether a refresh was due.
        let freshUntil = entry.freshUntil(state, policy, source)
        return now < freshUntil ? Staleness(until: freshUntil) : Staleness(reason: .slow)
    }
}
