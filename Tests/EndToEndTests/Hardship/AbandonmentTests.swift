// Callers that leave before their answer: each frees its place and its wait, and leaves one log line
// and one count.

import Foundation
import StatusCore
import TestSupport
import Testing

/// How a caller leaves; the service cannot distinguish the first two.
enum Leaving: CaseIterable {
    case closing, endingItsSending, resetting

    func leave(_ socket: RawSocket) {
        switch self {
        case .closing: socket.close()
        case .endingItsSending: socket.endSending()
        case .resetting: socket.reset()
        }
    }
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct AbandonmentTests {
    /// The request lines of a route.
    private func lines(_ text: String, _ route: String) -> [JSONValue] {
        text.split(separator: "\n").compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == "request" && $0["route"]?.string == route }
    }

    private func caller(_ path: String, on world: World) throws -> RawSocket {
        let caller = try RawSocket(port: world.port)
        try caller.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: gone\r\n\r\n")
        return caller
    }

    private func until(_ figure: String, _ count: Int, _ world: World) async throws {
        try await eventually("\(count) \(figure)") {
            try world.get("/metrics").text.contains("\nstatus_proxy_\(figure) \(count)\n")
        }
    }

    @Test(
        arguments: [
            ("/actions/\(DemoID.pendingVoucher)", "/actions/{id}"),
            ("/actions?id=\(DemoID.pendingVoucher)", "/actions"),
            ("/actions/\(DemoID.pendingVoucher)/events", "/actions/{id}/events"),
        ], Leaving.allCases)
    func callerThatGivesUpDuringAColdCallIsLoggedAndCounted(
        row: (path: String, route: String), leaving: Leaving
    ) async throws {
        let world = try await World()
        try world.setFault("vouchers", #"{"kind":"hang"}"#)
        let caller = try caller(row.path, on: world)
        try await eventually("the call") { try world.audit().vouchers.calls == 1 }
        leaving.leave(caller)
        let found = try await world.proxy.wait(for: "the line") { text in
            lines(text, row.route).first
        }
        expectEqual(found["status"]?.integer, 499)
        expectEqual(found["request_id"]?.string, "gone")
        // The call's end brings an answer for which no caller waits.
        _ = try await world.proxy.wait(for: "the call's end") {
            $0.contains("\"upstream call\"") ? true : nil
        }
        let count = "status_proxy_requests_total{route=\"\(row.route)\",code=\"499\"} 1\n"
        #expect(try world.get("/metrics").text.contains(count))
        expectEqual(lines(world.proxy.text, row.route).count, 1)
    }

    /// A stream has its 200 already.
    @Test(
        arguments: [
            ("/actions/\(DemoID.pendingVoucher)?wait=50", "/actions/{id}", 499),
            ("/actions?id=\(DemoID.pendingVoucher)&wait=50", "/actions", 499),
            ("/actions/\(DemoID.pendingVoucher)/events", "/actions/{id}/events", 200),
        ], Leaving.allCases)
    func callerThatGivesUpItsWaitCausesNoMoreRefreshes(
        row: (path: String, route: String, status: Int64), leaving: Leaving
    ) async throws {
        let world = try await World(["WAIT_MAX": "600s"])
        let known = "/actions/\(DemoID.pendingVoucher)"
        try expectEqual(world.get(known).status, 200)
        let caller = try caller(row.path, on: world)
        try await until("waiters", 1, world)
        leaving.leave(caller)
        try await until("waiters", 0, world)
        // The connection of the request for the figure.
        try await until("connections", 1, world)
        let line = try await world.proxy.wait(for: "the line") { text in
            lines(text, row.route).first { $0["request_id"]?.string == "gone" }
        }
        expectEqual(line["status"]?.integer, row.status)
        try await eventually("the reason nobody-asks") {
            let explanation = try world.get("\(known)/explain").json["sources"]?.array ?? []
            return explanation.contains { $0["why_not_fresher"]?.string == "nobody-asks" }
        }
    }

    @Test func crowdOfTimedOutClientsTakesNoPlaces() async throws {
        let world = try await World(["HTTP_MAX_CONNECTIONS": "60"])
        let known = "/actions/\(DemoID.pendingVoucher)"
        try expectEqual(world.get(known).status, 200)
        for _ in 0..<5 {
            let crowd = try (0..<50).map { _ in try caller("\(known)?wait=50", on: world) }
            try await until("waiters", 50, world)
            for caller in crowd { caller.close() }
            try await until("waiters", 0, world)
        }
        try await until("connections", 1, world)
        let count = "status_proxy_requests_total{route=\"/actions/{id}\",code=\"499\"} 250\n"
        #expect(try world.get("/metrics").text.contains(count))
    }

    @Test(arguments: [
        ("/actions/aa_000000000000000200", 200), ("/actions?id=aa_000000000000000200", 200),
        ("/livez", 200), ("/readyz", 200), ("/", 200), ("/nowhere", 404), ("/actions/..", 400),
    ])
    func immediateAnswerIsSentAfterAHalfClose(path: String, status: Int) async throws {
        let world = try await World()
        try expectEqual(world.get("/actions/aa_000000000000000200").status, 200)
        let caller = try caller(path, on: world)
        caller.endSending()
        try expectEqual(caller.reply().status, status)
        #expect(try caller.isEnded())
    }
}
