// The request quota of one caller: a token bucket, stored as one time, when all requests so far are
// paid for (GCRA).

import StatusCore

/// A number of requests a second, and as many at once after a pause.
struct RequestQuota: Sendable {
    private static let second: Int64 = 1_000_000_000

    /// The time between two requests at the steady rate, in nanoseconds.
    private let interval: Int64
    private var paidUntil = Instant.distantPast

    init(perSecond: Int) {
        precondition(perSecond > 0, "a quota allows at least one request a second")
        interval = max(1, Self.second / Int64(perSecond))
    }

    /// Takes one request. Nil: granted; else the time when one will be available.
    mutating func take(now: Instant) -> Instant? {
        let start = max(paidUntil, now)
        let opensAt = start - .nanoseconds(Self.second - interval)
        if now < opensAt { return opensAt }
        paidUntil = start + .nanoseconds(interval)
        return nil
    }

    /// Whether the whole quota is available.
    func isWhole(now: Instant) -> Bool { paidUntil <= now }
}
