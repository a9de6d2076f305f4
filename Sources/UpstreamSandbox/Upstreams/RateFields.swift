// The `X-Rate-Limit-…` fields of every answer of the vouchers upstream.

import HTTPWire
import StatusCore

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
