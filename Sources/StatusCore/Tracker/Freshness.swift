// How long an answer, or a look that failed, stands before the next look.

enum Freshness {
    /// The first 404s of an id that is looked up again at the shortest interval: an action that was
    /// just made can read as 404 for a while.
    static let newbornLooks = 3

    /// The interval of an action of that age: a tenth of it, within the policy's bounds.
    static func interval(age: Duration, _ policy: SourcePolicy) -> Duration {
        (age / 10).clamped(policy.minInterval, policy.maxInterval)
    }

    /// How long a look that brought no state is remembered, `repeats` in a row.
    static func missInterval(
        isNotFound: Bool, repeats: Int, age: Duration, _ policy: SourcePolicy
    ) -> Duration {
        let doublings = isNotFound ? repeats - newbornLooks : repeats - 1
        if isNotFound, doublings <= 0 { return policy.minInterval }
        // 2^20 times any interval is over any maximum: the exponent needs no more.
        let grown = policy.minInterval * (1 << min(max(doublings, 0), 20))
        return max(grown, interval(age: age, policy)).clamped(
            policy.minInterval, policy.maxInterval)
    }
}
