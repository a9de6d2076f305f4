// The vouchers upstream's limit: so many calls in any minute, counted where they arrive.

import StatusCore

/// A true sliding window. A refused call does not count: the limit is on calls that are served.
struct RateWindow: Sendable {
    static let span = Duration.seconds(60)

    /// 0: any number.
    let limit: Int
    /// Served in the last minute, at most `limit`.
    private var served: [Instant] = []

    init(limit: Int) { self.limit = limit }

    struct Standing: Equatable, Sendable {
        var isServed: Bool
        var remaining: Int
        /// Until a call is served again; 0 when one would be now.
        var wait: Duration
    }

    /// One more call arrives.
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
