// Callers that go away before their answer: each leaves one log line and one count.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct AbandonmentTests {
    /// The request lines of a route.
    private func lines(_ text: String, _ route: String) -> [JSONValue] {
        text.split(separator: "\n").compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == "request" && $0["route"]?.string == route }
    }

    @Test(arguments: [
        ("/actions/\(DemoID.pendingVoucher)", "/actions/{id}"),
        ("/actions?id=\(DemoID.pendingVoucher)", "/actions"),
        ("/actions/\(DemoID.pendingVoucher)/events", "/actions/{id}/events"),
    ])
    func callerThatGivesUpWhileItIsHeldIsLoggedAndCounted(path: String, route: String)
        async throws
    {
        let world = try await World()
        try world.setFault("vouchers", #"{"kind":"hang"}"#)
        let caller = try RawSocket(port: world.port)
        try caller.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: gone\r\n\r\n")
        try await eventually("the call") { try world.audit().vouchers.calls == 1 }
        caller.reset()
        let found = try await world.proxy.wait(for: "the line") { text in
            lines(text, route).first
        }
        #expect(found["status"]?.integer == 499)
        #expect(found["request_id"]?.string == "gone")
        // The call's end brings an answer that nobody waits for.
        _ = try await world.proxy.wait(for: "the call's end") {
            $0.contains("\"upstream call\"") ? true : nil
        }
        let count = "status_proxy_requests_total{route=\"\(route)\",code=\"499\"} 1\n"
        #expect(try world.get("/metrics").text.contains(count))
        #expect(lines(world.proxy.text, route).count == 1)
    }
}
