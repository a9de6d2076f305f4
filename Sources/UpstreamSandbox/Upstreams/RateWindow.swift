// The vouchers upstream's limit of calls in any minute, counted on arrival, and the
// `X-Rate-Limit-…` fields that report it.

import HTTPWire
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

/// The `X-Rate-Limit-…` fields of every answer of the vouchers upstream.
enum RateFields {
    static func add(
        to reaction: Reaction, _ standing: RateWindow.Standing, limit: Int, _ wall: WallTime
    ) -> Reaction {
        // Unix seconds of the next call that is served, rounded up.
        let next = (wall + standing.wait).milliseconds
        let fields = [
            Field(name: "X-Rate-Limit-Limit", value: "\(limit > 0 ? limit : 1_000_000)"),
            Field(name: "X-Rate-Limit-Remaining", value: "\(min(standing.remaining, 1_000_000))"),
            Field(name: "X-Rate-Limit-Retry", value: "\((next + 999) / 1000)"),
        ]
        var reaction = reaction
        switch reaction.deed {
        case .answer(var response):
            response.fields += fields
            reaction.deed = .answer(response)
        case .half(var response):
            response.fields += fields
            reaction.deed = .half(response)
        case .stall(var response):
            response.fields += fields
            reaction.deed = .stall(response)
        case .hang, .reset, .close: break
        }
        return reaction
    }
}
