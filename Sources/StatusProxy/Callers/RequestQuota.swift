// Quotas of requests: of one caller, and of the requests without a valid key, by the peer's
// network. A quota is a token bucket, stored as one time, when all requests so far are paid for
// (GCRA).

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

/// Counts requests with a wrong key, or without a required one, by network.
struct FailedKeys: Sendable {
    /// Requests of one network each second, and as many at once after a pause.
    static let perSecond = 50
    /// Networks that are distinguished at a time. All further ones count as one.
    static let networksMax = 4096

    private var quotas: [String: RequestQuota] = [:]
    private var others = RequestQuota(perSecond: Self.perSecond)
    /// When networks with a full quota were last removed.
    private var sweptAt = Instant.distantPast

    /// Counts one request. Nil: it is within the quota; else the time when one will be.
    mutating func take(_ network: String, now: Instant) -> Instant? {
        guard quotas[network] != nil || hasRoom(now) else { return others.take(now: now) }
        return quotas[network, default: RequestQuota(perSecond: Self.perSecond)].take(now: now)
    }

    /// Sweeps at most once a second, so that a flood from many networks does not cause a scan each
    /// time.
    private mutating func hasRoom(_ now: Instant) -> Bool {
        if quotas.count >= Self.networksMax, now >= sweptAt + .seconds(1) {
            sweptAt = now
            quotas = quotas.filter { !$0.value.isWhole(now: now) }
        }
        return quotas.count < Self.networksMax
    }
}
