// The vouchers upstream's limit of calls in any minute, counted on arrival.

import StatusCore

/// An exact sliding window. A refused call does not count: the limit applies to served calls.
struct RateWindow: Sendable {
    static let span = Duration.seconds(60)

    /// 0: no limit.
    let limit: Int
    /// The calls served in the last minute, at most `limit`.
    private var served: [Instant] = []

    init(limit: Int) { self.limit = limit }

    struct Standing: Equatable, Sendable {
        var isServed: Bool
        var remaining: Int
        /// The time until a call is served again; 0 if one would be now.
        var wait: Duration
    }

    /// Records an arriving call.
    mutating func arrive(_ now: Instant) -> Standing {
        guard limit > 0 else {
            return Standing(isServed: true, remaining: Int(Int32.max), wait: .zero)
        }
        served.removeAll { $0 + Self.span <= now }
        let isServed = served.count < limit
        if isServed { served.append(now) }
        let remaining = limit - served.count
        let wait = remaining > 0 ? Duration.zero : served[0] + Self.span - now
        return Standing(isServed: isServed, remaining: remaining, wait: wait)
    }
}
