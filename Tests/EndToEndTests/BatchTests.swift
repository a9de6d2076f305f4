// Batches through the real program: their tag, when to come back, and waits for the first change.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct BatchTests {
    /// An action that changes, one that never does, an unknown one, and an invalid id.
    private static let path =
        "/actions?id=\(DemoID.voucher)&id=\(DemoID.pendingVoucher)&id=\(DemoID.missingOrder)&id=.."

    private func statuses(_ reply: Reply) -> [String?] {
        reply.json["actions"]?.array?.map { $0["status"]?.string } ?? []
    }

    @Test func firstChangeOfAnyEndsTheWait() async throws {
        let world = try await World(sandbox: ["--pending", "6s"])
        let first = try world.get(Self.path)
        expectEqual(statuses(first), ["PENDING", "IN_PROGRESS"])
        expectEqual(first.json["done"], .bool(false))
        #expect(first["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
        let tag = try #require(first["etag"])
        let wait = "\(Self.path)&wait=50&until=any"
        let second = try world.get(wait, fields: ["If-None-Match: \(tag)"])
        expectEqual(second.status, 200)
        #expect(second["etag"] != tag)
        expectEqual(statuses(second), ["IN_PROGRESS", "IN_PROGRESS"])
        expectEqual(second.json["failures"]?.array?.count, 2)
        // No caller is left waiting for the other one.
        try await eventually("the waiters to end") {
            try world.get("/metrics").text.contains("status_proxy_waiters 0\n")
        }
        // A caller with an older state is answered immediately, by a wait that would not end on its
        // own.
        let still = "/actions?id=\(DemoID.pendingVoucher)&wait=50&until=any"
        let started = ContinuousClock.now
        let known = try world.get(still, fields: ["If-None-Match: W/\"0000000000000000\""])
        expectEqual(known.status, 200)
        #expect(ContinuousClock.now - started < .seconds(40))
    }

    @Test func waitWithoutAChangeEndsWithTheSameTag() async throws {
        let world = try await World()
        let path = "/actions?id=\(DemoID.pendingVoucher)&id=\(DemoID.pendingOrder)"
        let first = try world.get(path)
        let tag = try #require(first["etag"])
        try expectEqual(world.get(path, fields: ["If-None-Match: \(tag)"]).status, 304)
        for goal in ["any", "change", "done"] {
            let wait = "\(path)&wait=1&until=\(goal)"
            let reply = try world.get(wait, fields: ["If-None-Match: \(tag)"])
            expectEqual(reply.status, 304, "\(goal)")
            expectEqual(reply["etag"], tag)
            try expectEqual(world.get(wait)["etag"], tag)
        }
    }

    @Test func finishedAndFailedIDsAreNotWaitedFor() async throws {
        let world = try await World()
        let done = "/actions?id=aa_000000000000000200"
        let started = ContinuousClock.now
        for (path, isDone) in [(done, true), ("\(done)&id=..", false)] {
            let tag = try #require(try world.get(path)["etag"])
            let reply = try world.get("\(path)&wait=50&until=any")
            expectEqual(reply.json["done"], .bool(isDone))
            #expect(reply["retry-after"] == nil)
            let fields = ["If-None-Match: \(tag)"]
            try expectEqual(world.get("\(path)&wait=50&until=any", fields: fields).status, 304)
        }
        #expect(ContinuousClock.now - started < .seconds(40))
    }

    @Test func drainingEndsTheWaitForAny() async throws {
        let world = try await World()
        let path = "/actions?id=\(DemoID.pendingVoucher)&wait=50&until=any"
        _ = try world.get("/actions?id=\(DemoID.pendingVoucher)")
        let socket = try RawSocket(port: world.port)
        try socket.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try await eventually("a waiter") {
            try world.get("/metrics").text.contains("status_proxy_waiters 1\n")
        }
        world.proxy.signal(SIGTERM)
        try expectEqual(socket.reply().status, 200)
        try await expectEqual(world.proxy.exitCode(), 0)
    }

    /// A short request for 42 MB: more than a connection may buffer, and complete.
    @Test func hugeBatchArrivesCompletelyAtASlowReader() async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "30s"])
        let large = "aa_feed" + String(repeating: "0", count: 14)
        try await eventually("the large action") {
            try world.get("/actions/\(large)").status == 200
        }
        let size = try world.get("/actions/\(large)").body.count
        let path = "/actions?" + String(repeating: "id=\(large)&", count: 6) + "id=.."
        let socket = try RawSocket(port: world.port, receiveBytes: 65_536)
        try socket.send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        // Meanwhile others are served.
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
        let reply = try socket.reply()
        expectEqual(reply.status, 200)
        #expect(reply.body.count > 6 * size)
        #expect(reply.body.starts(with: #"{"done":false,"actions":[{"id":"aa_feed"#.utf8))
        let end = String(decoding: reply.body.suffix(400), as: UTF8.self)
        #expect(end.contains(#"],"failures":[{"id":".."#))
        #expect(end.hasSuffix("]}"))
    }
}
