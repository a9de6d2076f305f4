// The `X-Rate-Limit-…` fields that stand on every answer of the vouchers upstream.

import HTTPWire
import StatusCore

enum RateFields {
    static func add(
        to reply: Reply, _ standing: RateWindow.Standing, limit: Int, _ wall: WallTime
    ) -> Reply {
        // Unix seconds of the next call that is served, rounded up.
        let next = (wall + standing.wait).milliseconds
        let fields = [
            Field(name: "X-Rate-Limit-Limit", value: "\(limit > 0 ? limit : 1_000_000)"),
            Field(name: "X-Rate-Limit-Remaining", value: "\(min(standing.remaining, 1_000_000))"),
            Field(name: "X-Rate-Limit-Retry", value: "\((next + 999) / 1000)"),
        ]
        var reply = reply
        switch reply.deed {
        case .answer(var response):
            response.fields += fields
            reply.deed = .answer(response)
        case .half(var response):
            response.fields += fields
            reply.deed = .half(response)
        case .stall(var response):
            response.fields += fields
            reply.deed = .stall(response)
        case .hang, .reset, .close: break
        }
        return reply
    }
}
