// How long an answer, or a failed refresh, is valid before the next refresh.

enum Freshness {
    /// The number of first 404s of an id after which the shortest interval applies: a new action
    /// can get 404 for a while.
    static let newbornLooks = 3

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
        guard repeats > newbornLooks else { return policy.minInterval }
        let most = lasted < notFoundMax ? policy.maxInterval : max(policy.maxInterval, notFoundMax)
        return grown(doublings: repeats - newbornLooks, age: age, policy, most: most)
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
