// Why a stored answer is stale: one rule for all routes and published answers.

/// Why an answer is stale now, and how long that is valid without further events.
struct Staleness: Sendable {
    /// Nil: it is not stale.
    var reason: StaleReason?
    var until = Instant.distantFuture
    /// Whether it is due, and a block prevents its refresh.
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
        // While a 404 is the last result it is the reason, whatever prevents another call.
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
        // The gate is shut for the call under way, and does not show whether a refresh was due.
        let freshUntil = entry.freshUntil(state, policy, source)
        return now < freshUntil ? Staleness(until: freshUntil) : Staleness(reason: .slow)
    }
}
