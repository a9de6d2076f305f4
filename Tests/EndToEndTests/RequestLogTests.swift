// The log of requests, by settings.

import Glibc
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct RequestLogTests {
    private static let finished = "/actions/aa_000000000000000200"

    private func lines(of world: World) -> [JSONValue] {
        world.proxy.text.split(separator: "\n").compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == "request" }
    }

    /// Sends that many at once on one connection, and reads all answers.
    private func ask(_ path: String, _ count: Int, _ client: inout Client) throws {
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for _ in 0..<count / 100 {
            try client.send(String(repeating: request, count: 100))
            for _ in 0..<100 { _ = try client.receive() }
        }
    }

    @Test func hitsBeyondTheRateAreSampledAndAllAreCounted() async throws {
        let world = try await World(["LOG_REQUESTS": "sampled"])
        try expectEqual(world.get(Self.finished).status, 200)
        var client = try Client(port: world.port)
        let clock = ContinuousClock()
        var asked = 5_000
        let took = try clock.measure { try ask(Self.finished, asked, &client) }
        let trouble = 300
        try ask("/nowhere", trouble, &client)
        func hits() -> [JSONValue] { lines(of: world).filter { $0["cache"]?.string == "hit" } }
        // The last line counts all that were left out before it.
        try await eventually("a log line for all requests") {
            _ = try client.request(Self.finished)
            asked += 1
            return hits().reduce(0) { $0 + ($1["requests"]?.integer ?? 1) } >= asked - 1
        }
        let linesMost = Double(2 + Int(took / .seconds(1))) * 100 + Double(asked - 5_000)
        #expect(Double(hits().count) <= linesMost)
        expectEqual(lines(of: world).count { $0["status"]?.integer == 404 }, trouble)
        expectEqual(lines(of: world).count { $0["cache"]?.string == "miss" }, 1)
        let metrics = try world.get("/metrics").text
        #expect(metrics.contains("status_proxy_cache_results_total{result=\"hit\"} \(asked)\n"))
    }

    @Test func onlyFailuresAreLoggedWithTrouble() async throws {
        let world = try await World(["LOG_REQUESTS": "trouble", "LOG_PEER": "on"])
        for path in [Self.finished, Self.finished, "/livez", "/nowhere", "/actions/.."] {
            _ = try world.get(path)
        }
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        expectEqual(lines(of: world).map { $0["status"]?.integer }, [404, 400])
        expectEqual(lines(of: world).map { $0["peer"]?.string }, ["127.0.0.1", "127.0.0.1"])
    }

    @Test func withoutSettingsEachRequestHasALineAndNoPeer() async throws {
        let world = try await World()
        var client = try Client(port: world.port)
        try expectEqual(world.get(Self.finished).status, 200)
        try ask(Self.finished, 1000, &client)
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        expectEqual(lines(of: world).count, 1001)
        #expect(lines(of: world).allSatisfy { $0["peer"] == nil && $0["requests"] == nil })
    }

    @Test func upstreamLineNamesTheRequestThatCausedIt() async throws {
        let world = try await World()
        let id = String(Self.finished.dropFirst("/actions/".count))
        try expectEqual(world.get(Self.finished, fields: ["X-Request-Id: cause-7"]).status, 200)
        try expectEqual(world.get(Self.finished, fields: ["X-Request-Id: hit-8"]).status, 200)
        _ = try world.get("/actions?id=\(id)&id=..", fields: ["X-Request-Id: batch-9"])
        for path in ["/livez", "/readyz", "/metrics"] { _ = try world.get(path) }
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        let all = world.proxy.text.split(separator: "\n")
            .compactMap { try? JSONReader.read(Array($0.utf8)) }
        let call = try #require(all.first { $0["message"]?.string == "upstream call" })
        expectEqual(call["request_id"]?.string, "cause-7")
        expectEqual(call["action_id"]?.string, id)
        #expect(call["duration_ms"] != nil)
        let requests = lines(of: world)
        expectEqual(requests.map { $0["request_id"]?.string }, ["cause-7", "hit-8", "batch-9"])
        expectEqual(requests.map { $0["action_id"]?.string }, [id, id, nil])
        expectEqual(requests.map { $0["actions"]?.integer }, [nil, nil, 2])
        #expect(requests.allSatisfy { $0["duration_ms"] != nil && $0["duration"] == nil })
    }

    @Test(arguments: [("off", nil), ("on", "127.0.0.1")] as [(String, String?)])
    func refusedRequestNamesItsPeerIfPeersAreLogged(setting: String, peer: String?) async throws {
        let world = try await World(["LOG_PEER": setting])
        var client = try Client(port: world.port)
        try client.send("GET / HTTP/1.1\r\n\r\n")
        try expectEqual(client.receive().status, 400)
        let line = try await world.proxy.wait(for: "its line") { text in
            text.split(separator: "\n").first { $0.contains("\"request refused\"") }
        }
        try expectEqual(JSONReader.read(Array(line.utf8))["peer"]?.string, peer)
    }
}
