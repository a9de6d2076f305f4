// How often one caller may ask. A bucket of tokens that fills steadily, kept as one moment: when the
// requests made so far would be paid for.

import StatusCore

/// So many requests a second, and as many at once after a pause.
struct RequestQuota: Sendable {
    private static let second: Int64 = 1_000_000_000

    /// Between two requests at the steady rate, in nanoseconds.
    private let interval: Int64
    private var paidUntil = Instant.distantPast

    init(perSecond: Int) {
        precondition(perSecond > 0, "a quota of nothing is no quota")
        interval = max(1, Self.second / Int64(perSecond))
    }

    /// Takes one request; else returns when there will be one.
    mutating func take(now: Instant) -> Instant? {
        let start = max(paidUntil, now)
        let opensAt = start - .nanoseconds(Self.second - interval)
        if now < opensAt { return opensAt }
        paidUntil = start + .nanoseconds(interval)
        return nil
    }

    /// Nothing of it is used.
    func isWhole(now: Instant) -> Bool { paidUntil <= now }
}
