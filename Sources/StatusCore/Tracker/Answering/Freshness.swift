// How long an answer, or a failed refresh, is valid before the next refresh; and why an answer is
// stale now: one rule for all routes and published answers.

enum Freshness {
    /// The number of first 404s of an id after which the shortest interval applies: a new action
    /// can get 404 for a while.
    static let firstNotFounds = 3

    /// The interval of an action of that age: a tenth of it, within the policy's bounds.
    static func interval(age: Duration, _ policy: SourcePolicy) -> Duration {
        (age / 10).clamped(policy.minInterval, policy.maxInterval)
    }

    /// After this time of 404s, this is the interval of an id.
    static let notFoundMax = Duration.seconds(3600)

    /// How long a 404 is valid: the last of `repeats` in a row, the first of which came `lasted`
    /// before.
    static func notFoundInterval(
        repeats: Int, lasted: Duration, age: Duration, _ policy: SourcePolicy
    ) -> Duration {
        guard repeats > firstNotFounds else { return policy.minInterval }
        let most = lasted < notFoundMax ? policy.maxInterval : max(policy.maxInterval, notFoundMax)
        return grown(doublings: repeats - firstNotFounds, age: age, policy, most: most)
    }

    /// How long any other failure is valid, the last of `repeats` in a row.
    static func failureInterval(
        repeats: Int, age: Duration, _ policy: SourcePolicy
    ) -> Duration {
        grown(doublings: repeats - 1, age: age, policy, most: policy.maxInterval)
    }

    private static func grown(
        doublings: Int, age: Duration, _ policy: SourcePolicy, most: Duration
    ) -> Duration {
        // 2^20 times any interval exceeds any maximum.
        let grown = policy.minInterval * (1 << min(max(doublings, 0), 20))
        return max(grown, interval(age: age, policy)).clamped(policy.minInterval, most)
    }
}

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
