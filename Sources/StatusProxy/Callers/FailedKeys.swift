// How often wrong keys may come from one place.

import StatusCore

/// Requests with a wrong key, or with none where one is needed, by the network that they came from.
struct FailedKeys: Sendable {
    /// From one network each second, and as many at once after a pause.
    static let perSecond = 50
    /// Networks that are told apart at a time. All further ones count as one.
    static let networksMax = 4096

    private var quotas: [String: RequestQuota] = [:]
    private var others = RequestQuota(perSecond: Self.perSecond)
    /// When those that had their whole quota again were forgotten last.
    private var sweptAt = Instant.distantPast

    /// Counts one. Nil: it is within the quota; else when there will be room.
    mutating func take(_ network: String, now: Instant) -> Instant? {
        guard quotas[network] != nil || hasRoom(now) else { return others.take(now: now) }
        return quotas[network, default: RequestQuota(perSecond: Self.perSecond)].take(now: now)
    }

    /// Sweeps once a second at most: a flood from everywhere must not pay for a walk each time.
    private mutating func hasRoom(_ now: Instant) -> Bool {
        if quotas.count >= Self.networksMax, now >= sweptAt + .seconds(1) {
            sweptAt = now
            quotas = quotas.filter { !$0.value.isWhole(now: now) }
        }
        return quotas.count < Self.networksMax
    }
}
