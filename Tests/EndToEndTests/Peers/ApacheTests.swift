// A compressing Apache before the service: its mark on entity tags is sent back to the service.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ApacheTests {
    private static let path = "/actions/\(DemoID.voucher)"

    @Test func tagMarkedByACompressorStillMatches() async throws {
        let world = try await World(sandbox: ["--pending", "4s"])
        let front = try await Apache(compressingServiceAt: world.port)
        let packed = ["Accept-Encoding: gzip"]
        let first = try Client.get(port: front.port, Self.path, fields: packed)
        expectEqual(first["content-encoding"], "gzip")
        let tag = try #require(first["etag"])
        #expect(tag.hasSuffix("-gzip\""))
        let condition = packed + ["If-None-Match: \(tag)"]
        let wait = "\(Self.path)?wait=50&until=change"
        let changed = try Client.get(port: front.port, wait, fields: condition)
        expectEqual(changed.status, 200)
        #expect(changed["etag"] != tag)
        // Until the action has ended, so that nothing changes any more.
        let last = try Client.get(port: front.port, "\(Self.path)?wait=50", fields: packed)
        let lastTag = try #require(last["etag"])
        let same = packed + ["If-None-Match: \(lastTag)"]
        try expectEqual(Client.get(port: front.port, Self.path, fields: same).status, 304)
        try expectEqual(world.get(Self.path, fields: same).status, 304)
    }
}
