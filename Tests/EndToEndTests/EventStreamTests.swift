// Event streams through the real program: what a client receives, and how a stream ends from either
// side.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct EventStreamTests {
    private static func events(_ id: String) -> String { "/actions/\(id)/events" }
    private static let streams = "status_proxy_event_streams"
    private let finished = "aa_000000000000000200"

    /// `curl -N` running on a path.
    private func curl(_ world: World, _ path: String, _ options: String...) throws -> Program {
        try Program(
            try Tool.path(of: "curl"),
            ["-sN", "--max-time", "60"] + options + ["http://127.0.0.1:\(world.port)\(path)"])
    }

    private func untilStreams(_ count: Int, _ world: World) async throws {
        try await eventually("\(count) streams") {
            try world.get("/metrics").text.contains("\(Self.streams) \(count)\n")
        }
    }

    // MARK: Events

    @Test func everyStateIsSentOnceUpToTheLast() async throws {
        let world = try await World(sandbox: ["--pending", "3s"])
        let path = Self.events(DemoID.voucher)
        let client = try curl(world, path)
        try await expectEqual(client.exitCode(), 0)
        let events = EventReader.states(client.text)
        let statuses = events.map { $0.json["status"]?.string }
        expectEqual(statuses.first, "PENDING")
        expectEqual(statuses.last, "PARTIALLY_SUCCEEDED")
        expectEqual(Set(statuses).count, statuses.count)
        let names = Set(EventReader.read(client.text).map(\.name))
        #expect(names.isSubset(of: ["status", "freshness"]))
        let plain = try world.get("/actions/\(DemoID.voucher)")
        expectEqual(plain["etag"], "W/\"\(events.last?.id ?? "")\"")
        expectEqual(plain.json["id"], events.last?.json["id"])
        #expect(try #require(try world.audit().vouchers.smallestGap) >= 2)
        // A client that returns with the last state gets 204.
        for fields in [["Last-Event-ID: \(events.last?.id ?? "")"]] {
            let reply = try world.get(path, fields: fields)
            expectEqual(reply.status, 204)
        }
        // With an older one it gets the last.
        let later = try world.get(path, fields: ["Last-Event-ID: \(events.first?.id ?? "")"])
        expectEqual(EventReader.read(later.text).map(\.id), [events.last?.id])
    }

    @Test func acceptAsksForEventsOnThePlainRoute() async throws {
        let world = try await World()
        let path = "/actions/aa_000000000000000200"
        let stream = try world.get(path, fields: ["Accept: text/event-stream"])
        expectEqual(stream["content-type"], "text/event-stream")
        expectEqual(EventReader.read(stream.text).count, 1)
        for accept in ["*/*", "application/json", "application/json, text/event-stream;q=0.5"] {
            let plain = try world.get(path, fields: ["Accept: \(accept)"])
            expectEqual(plain["content-type"], "application/json", "\(accept)")
            expectEqual(plain["vary"], "Accept, Accept-Encoding")
        }
    }

    @Test func knownStateIsNotSentAgainButTheNextOneIs() async throws {
        let world = try await World(sandbox: ["--pending", "5s"])
        let tag = try #require(try world.get("/actions/\(DemoID.voucher)")["etag"])
        let opaque = String(tag.dropFirst(3).dropLast())
        let client = try curl(
            world, Self.events(DemoID.voucher), "-H", "Last-Event-ID: \(opaque)")
        try await expectEqual(client.exitCode(), 0)
        let events = EventReader.states(client.text)
        #expect(!events.isEmpty)
        #expect(!events.contains { $0.id == opaque })
    }

    @Test func invalidRequestIsAnsweredAsOnThePlainRoute() async throws {
        let world = try await World()
        try await world.askUntilAmbiguous()
        for (id, query, status) in [
            ("..", "", 400), (DemoID.order, "?source=elsewhere", 400),
            (DemoID.missingOrder, "", 404),
            ("known-to-both", "", 409),
        ] {
            let reply = try world.get(Self.events(id) + query)
            expectEqual(reply.status, status, "\(id)")
            expectEqual(reply["content-type"], "application/problem+json")
        }
        let known = try world.get(Self.events("known-to-both") + "?source=vouchers", method: "HEAD")
        expectEqual(known.status, 200)
    }

    @Test func oldClientGetsEventsUpToTheClose() async throws {
        let world = try await World()
        let client = try curl(world, Self.events("aa_000000000000000200"), "--http1.0", "-i")
        try await expectEqual(client.exitCode(), 0)
        #expect(client.text.contains("Connection: close"))
        #expect(!client.text.contains("Transfer-Encoding"))
        expectEqual(EventReader.read(client.text).count, 1)
    }

    @Test func headHasTheStreamsFieldsWithoutOpeningOne() async throws {
        let world = try await World()
        let reply = try world.get(Self.events(DemoID.pendingVoucher), method: "HEAD")
        expectEqual(reply.status, 200)
        expectEqual(reply["content-type"], "text/event-stream")
        try await untilStreams(0, world)
    }

    // MARK: Trouble

    @Test func streamOpensWithAProblemAndKeepsTrying() async throws {
        let world = try await World()
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        let client = try curl(world, "/actions/\(finished)/events", "-i")
        let problem = try await client.event("a problem") { $0.name == "problem" }
        #expect(client.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        expectEqual(problem.json["id"]?.string, finished)
        expectEqual(problem.json["problem"]?["code"]?.string, "upstream-error")
        #expect(problem.json["problem"]?["retry_after"]?.integer ?? 0 >= 1)
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        try await expectEqual(client.exitCode(seconds: 60), 0)
        expectEqual(EventReader.read(client.text).last?.json["status"]?.string, "SUCCEEDED")
        // As often as the upstream allows, and no more.
        #expect(try #require(try world.audit().vouchers.smallestGap) >= 2)
        let line = try await world.proxy.wait(for: "its line") { text in
            text.split(separator: "\n").first { $0.contains("/events\"") }
        }
        #expect(line.contains("\"status\":200"))
    }

    @Test func changesOfFreshnessAreEvents() async throws {
        let world = try await World()
        let client = try curl(world, "/actions/\(DemoID.pendingVoucher)/events")
        try await client.event("a state") { $0.name == "status" }
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        let stale = try await client.event("stale") {
            $0.name == "freshness" && $0.json["stale_reason"]?.string == "upstream-error"
        }
        expectEqual(stale.json["id"]?.string, DemoID.pendingVoucher)
        expectEqual(stale.json["stale"], .bool(true))
        #expect(stale.json["retry_after"]?.integer ?? 0 >= 1)
        let plain = try world.get("/actions/\(DemoID.pendingVoucher)")
        expectEqual(plain.json["stale"], .bool(true))
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        let fresh = try await client.event("fresh") {
            $0.name == "freshness" && $0.json["stale"] == .bool(false)
        }
        #expect(fresh.json["stale_reason"]?.string == nil)
        expectEqual(EventReader.states(client.text).count, 1)
    }

    @Test func reconnectedClientLearnsThatItsStateIsStale() async throws {
        let world = try await World()
        let tag = try #require(try world.get("/actions/\(DemoID.pendingVoucher)")["etag"])
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":60}"#)
        try await eventually("the pause") {
            try world.get("/actions/\(DemoID.pendingVoucher)").json["stale_reason"]?.string
                == "upstream-throttled"
        }
        let client = try curl(
            world, "/actions/\(DemoID.pendingVoucher)/events", "-H",
            "Last-Event-ID: \(tag.dropFirst(3).dropLast())")
        let event = try await client.event("the first event") { _ in true }
        expectEqual(event.name, "freshness")
        expectEqual(event.json["stale_reason"]?.string, "upstream-throttled")
        #expect((50...61).contains(event.json["retry_after"]?.integer ?? 0))
    }

    // MARK: Many, slow, and gone

    @Test func manyStreamsOfOneActionCostTheCallsOfOne() async throws {
        let world = try await World(sandbox: ["--pending", "4s"])
        let clients = try (0..<100).map { _ in
            let socket = try RawSocket(port: world.port)
            try socket.send(
                "GET \(Self.events(DemoID.voucher)) HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return socket
        }
        let reported = try clients.map { client in
            EventReader.states(String(decoding: try client.rest(), as: UTF8.self)).map(\.id)
        }
        expectEqual(Set(reported).count, 1, "\(Set(reported))")
        expectEqual(reported.first?.isEmpty, false)
        let audit = try world.audit().vouchers
        #expect(try #require(audit.callsByID[DemoID.voucher]) <= 8)
        #expect(try #require(audit.smallestGap) >= 2)
        try await untilStreams(0, world)
    }

    @Test func clientThatIsKilledLeavesAndIsLogged() async throws {
        let world = try await World()
        let client = try curl(world, Self.events(DemoID.pendingVoucher))
        _ = try await client.wait(for: "the first event") { $0.contains("\n\n") ? true : nil }
        try await untilStreams(1, world)
        #expect(try world.get("/metrics").text.contains("status_proxy_waiters 1\n"))
        client.signal(SIGKILL)
        try await untilStreams(0, world)
        try await eventually("the waiters to end") {
            try world.get("/metrics").text.contains("status_proxy_waiters 0\n")
        }
        let line = try await world.proxy.wait(for: "its line") { text in
            text.split(separator: "\n").first { $0.contains("\"route\":\"/actions/{id}/events\"") }
        }
        let json = try JSONReader.read(Array(line.utf8))
        expectEqual(json["status"]?.integer, 200)
        expectEqual(json["events"]?.integer, 1)
    }

    @Test func silentStreamIsKeptAliveByComments() async throws {
        let world = try await World()
        let client = try curl(world, Self.events(DemoID.pendingVoucher))
        _ = try await client.wait(for: "a comment") { $0.contains("\n\n:\n\n") ? true : nil }
        withExtendedLifetime(world) {}
    }

    @Test func nginxInBetweenDelaysNoEvent() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        let client = try Program(
            try Tool.path(of: "curl"),
            [
                "-sN", "--max-time", "60",
                "http://127.0.0.1:\(front.port)\(Self.events(DemoID.pendingVoucher))",
            ])
        _ = try await client.wait(for: "the first event") { $0.contains("\n\n") ? true : nil }
        #expect(client.isRunning)
    }

    @Test func drainingEndsStreams() async throws {
        let world = try await World()
        let client = try curl(world, Self.events(DemoID.pendingVoucher))
        _ = try await client.wait(for: "the first event") { $0.contains("\n\n") ? true : nil }
        world.proxy.signal(SIGTERM)
        // Ended properly, not cut off.
        try await expectEqual(client.exitCode(), 0)
        expectEqual(EventReader.read(client.text).count, 1)
        try await expectEqual(world.proxy.exitCode(), 0)
        #expect(!world.proxy.text.contains("before everything had come to its end"))
    }
}
