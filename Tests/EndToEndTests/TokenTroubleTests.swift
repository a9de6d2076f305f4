// A token endpoint that refuses for a while: what callers and operators learn of it.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct TokenTroubleTests {
    @Test func callersGetTheTokensRetryAfterAndTheEndpointIsNotCalledBefore() async throws {
        let world = try await World()
        try world.setFault("token", #"{"kind":"status","status":429,"retry_after":300}"#)
        for id in [DemoID.order, DemoID.pendingOrder, DemoID.order] {
            let reply = try world.get("/actions/\(id)")
            expectEqual(reply.status, 503)
            #expect(reply.json["retry_after"]?.integer ?? 0 > 200)
            let report = reply.json["sources"]?.array?.first
            expectEqual(report?["outcome"]?.string, "token-unavailable")
        }
        let explanation = try world.get("/actions/\(DemoID.order)/explain").json
        let details = explanation["sources"]?.array?.compactMap { $0["detail"]?.string }
        expectEqual(details, ["the token endpoint answered 429"])
        _ = try await world.proxy.wait(for: "the warning") {
            $0.contains("no credential that the upstream accepts") ? true : nil
        }
        try expectEqual(world.audit().orders.tokenFetches, 1)
    }
}
