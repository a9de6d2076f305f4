// Event streams of many actions, through the real program.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct FollowingTests {
    private static let done = "aa_000000000000000200"
    private static let streams = "status_proxy_event_streams"

    private static func many(_ ids: [String]) -> String {
        "/actions?" + ids.map { "id=\($0)" }.joined(separator: "&")
    }

    private func curl(_ world: World, _ path: String, _ options: String...) throws -> Program {
        try Program(
            try Tool.path(of: "curl"),
            ["-sN", "--max-time", "120", "-H", "Accept: text/event-stream"] + options
                + ["http://127.0.0.1:\(world.port)\(path)"])
    }

    private func figure(_ name: String, _ world: World) throws -> Int? {
        try world.get("/metrics").text.split(separator: "\n")
            .first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.flatMap { Int($0) }
    }

    // MARK: Many actions

    @Test func oneStreamCarriesManyActionsUpToTheirEnds() async throws {
        let world = try await World(sandbox: ["--pending", "3s"])
        let ids = [DemoID.voucher, "..", Self.done, DemoID.order, Self.done]
        let client = try curl(world, Self.many(ids))
        try await expectEqual(client.exitCode(), 0)
        let events = EventReader.read(client.text)
        func statuses(_ id: String) -> [String?] {
            events.filter { $0.name == "status" && $0.json["id"]?.string == id }
                .map { $0.json["status"]?.string }
        }
        expectEqual(statuses(Self.done), ["SUCCEEDED"])
        expectEqual(statuses(DemoID.voucher).first, "PENDING")
        expectEqual(statuses(DemoID.voucher).last, "PARTIALLY_SUCCEEDED")
        expectEqual(statuses(DemoID.order), ["PENDING", "SUCCEEDED"])
        let problems = events.filter { $0.name == "problem" }
        expectEqual(problems.map { $0.json["id"]?.string }, [".."])
        expectEqual(problems.first?.json["problem"]?["code"]?.string, "invalid-id")
        #expect(try #require(try world.audit().vouchers.smallestGap) >= 2)
        // A client that returns gets 204; one that lacks a final state gets that one.
        let last = try #require(events.last?.id)
        let again = try world.get(
            Self.many(ids), fields: ["Accept: text/event-stream", "Last-Event-ID: \(last)"])
        expectEqual(again.status, 204)
        let parts = last.split(separator: ".", omittingEmptySubsequences: false)
        expectEqual(parts.count, 4)
        let older = ([""] + parts.dropFirst()).joined(separator: ".")
        let rest = try world.get(
            Self.many(ids), fields: ["Accept: text/event-stream", "Last-Event-ID: \(older)"])
        expectEqual(EventReader.read(rest.text).map { $0.json["id"]?.string }, [DemoID.voucher])
        let head = try world.get(
            Self.many(ids), method: "HEAD", fields: ["Accept: text/event-stream"])
        expectEqual(head["content-type"], "text/event-stream")
    }

    @Test func streamTakesAPlaceForEachActionAndReleasesThem() async throws {
        let world = try await World()
        let ids = (0..<100).map { "aa_0000000000000022\(String($0 + 100))" }
        let client = try curl(world, Self.many(ids + [DemoID.pendingVoucher]))
        // One more than a stream carries.
        try await expectEqual(client.exitCode(), 0)
        #expect(client.text.contains("\"invalid-parameter\""))
        let whole = try curl(world, Self.many(Array(ids.dropLast()) + [DemoID.pendingVoucher]))
        try await whole.event("a state") { $0.name == "status" }
        try await eventually("problems of all others") {
            EventReader.read(whole.text).filter { $0.name == "problem" }.count >= 99
        }
        try expectEqual(figure(Self.streams, world), 1)
        try await eventually("one waiter, the others being between waits") {
            try figure("status_proxy_waiters", world) == 1
        }
        whole.signal(SIGKILL)
        try await eventually("the end of all streams and waiters") {
            try figure(Self.streams, world) == 0
                && figure("status_proxy_waiters", world) == 0
        }
        let line = try await world.proxy.wait(for: "its line") { text in
            text.split(separator: "\n").first { $0.contains("\"events\":") }
        }
        #expect(line.contains("\"route\":\"/actions\""))
    }

    @Test func newbornActionIsFollowedThroughItsFirst404s() async throws {
        let world = try await World()
        let newborn = "00000000-0000-4000-8000-000000038200"
        let client = try curl(world, Self.many([newborn]))
        try await expectEqual(client.exitCode(seconds: 60), 0)
        let events = EventReader.read(client.text)
        expectEqual(events.first?.json["problem"]?["code"]?.string, "action-not-found")
        expectEqual(events.last?.json["status"]?.string, "SUCCEEDED")
    }

    // MARK: The end

    @Test func drainingEndsAStreamThatHasOnlyProblems() async throws {
        let world = try await World()
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":60}"#)
        let client = try curl(world, Self.many([Self.done, DemoID.voucher]))
        try await eventually("both problems") { EventReader.read(client.text).count == 2 }
        world.proxy.signal(SIGTERM)
        try await expectEqual(client.exitCode(), 0)
        try await expectEqual(world.proxy.exitCode(), 0)
        #expect(!world.proxy.text.contains("before everything had come to its end"))
    }

    // MARK: Readers

    @Test func largeStatesForManySlowReadersAreKeptOnce() async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "30s"])
        let largeBytes = 7 << 20
        let ids = (0..<2).map { "aa_feed" + String(repeating: "0", count: 12) + String($0 + 10) }
        for id in ids {
            try await eventually("the large action") {
                try world.get("/actions/\(id)").status == 200
            }
        }
        let readers = try (0..<4).map { _ in
            let socket = try RawSocket(port: world.port, receiveBytes: 65_536)
            try socket.send(
                "GET \(Self.many(ids)) HTTP/1.0\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
            return socket
        }
        let kept = "status_proxy_kept_bytes{of=\"output\"}"
        try await eventually("the buffered answer") { try figure(kept, world) ?? 0 > largeBytes }
        #expect(try figure(kept, world) ?? 0 < 3 * largeBytes)
        for socket in readers { #expect(try socket.rest().count > 2 * largeBytes) }
    }
}
