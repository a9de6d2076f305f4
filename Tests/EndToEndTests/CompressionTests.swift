// Compressed answers: only for callers who accept them.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CompressionTests {
    private static let large = "/actions/aa_feed00000000000010"
    private static let settings = ["VOUCHERS_TIMEOUT": "30s"]

    private func warm(_ world: World) async throws -> [UInt8] {
        try await eventually("the large action") { try world.get(Self.large).status == 200 }
        return try world.get(Self.large).body
    }

    @Test func largeResultIsCompressedToATenth() async throws {
        let world = try await World(Self.settings)
        let plain = try await warm(world)
        for _ in 0..<2 {
            let folded = try world.get(Self.large, fields: ["Accept-Encoding: gzip, deflate, br"])
            expectEqual(folded["content-encoding"], "gzip")
            expectEqual(folded["vary"], "Accept, Accept-Encoding")
            #expect(folded.body.count * 10 < plain.count)
            expectEqual(Gunzip.unfold(folded.body), plain)
            let tag = try #require(folded["etag"])
            let head = try world.get(
                Self.large, method: "HEAD", fields: ["Accept-Encoding: gzip"])
            expectEqual(head["content-length"], "\(folded.body.count)")
            let known = try world.get(
                Self.large, fields: ["Accept-Encoding: gzip", "If-None-Match: \(tag)"])
            expectEqual(known.status, 304)
            #expect(known["content-encoding"] == nil)
        }
        for refusal in ["gzip;q=0", "identity", "br"] {
            let reply = try world.get(Self.large, fields: ["Accept-Encoding: \(refusal)"])
            #expect(reply["content-encoding"] == nil)
            expectEqual(reply.body, plain)
        }
    }

    /// As Voucherify reports a failed import: many rows, each with its own code and reason.
    @Test func importResultGoesOutInATenthOfItsBytesAndIsCompressedOnce() async throws {
        let world = try await World(Self.settings)
        let path = "/actions/aa_beef00000000000010"
        try await eventually("the import") { try world.get(path).status == 200 }
        let plain = try world.get(path).body
        #expect(plain.count > 1_000_000)
        func storedBytes() throws -> Int { try world.figure("actions_stored_bytes") }
        let before = try storedBytes()
        var forms: [[UInt8]] = []
        for _ in 0..<2 {
            let folded = try world.get(path, fields: ["Accept-Encoding: gzip"])
            #expect(folded.body.count * 10 <= plain.count)
            expectEqual(Gunzip.unfold(folded.body), plain)
            forms.append(folded.body)
        }
        expectEqual(forms[0], forms[1])
        // One form is kept, not two.
        try await eventually("the form counts") { try storedBytes() > before }
        #expect(try storedBytes() - before <= forms[0].count)
    }

    /// Many want it before it is there: all get it, and those who do not accept it are not kept waiting.
    @Test func crowdSharesTheCompressionUnderWay() async throws {
        let world = try await World(Self.settings)
        let plain = try await warm(world)
        let port = world.port
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<16 {
                group.addTask {
                    let accept = number % 4 == 0 ? "identity" : "gzip"
                    let reply = try Client.get(
                        port: port, Self.large, fields: ["Accept-Encoding: \(accept)"])
                    return number % 4 == 0
                        ? reply.body == plain : Gunzip.unfold(reply.body) == plain
                }
            }
            for try await isWhole in group { #expect(isWhole) }
        }
    }

    @Test func batchIsCompressedAsAWhole() async throws {
        let world = try await World(Self.settings)
        _ = try await warm(world)
        let path = "/actions?id=aa_feed00000000000010&id=\(DemoID.pendingOrder)&id=.."
        let plain = try world.get(path)
        let folded = try world.get(path, fields: ["Accept-Encoding: gzip"])
        expectEqual(folded["content-encoding"], "gzip")
        expectEqual(folded["vary"], "Accept, Accept-Encoding")
        expectEqual(folded["etag"], plain["etag"])
        let unfolded = try JSONReader.read(try #require(Gunzip.unfold(folded.body)))
        expectEqual(unfolded["actions"]?.array?.count, 2)
        expectEqual(unfolded["failures"], plain.json["failures"])
        expectEqual(unfolded["actions"]?.array?[0], plain.json["actions"]?.array?[0])
    }

    @Test func curlDecodesTheAnswer() async throws {
        let world = try await World(Self.settings)
        let plain = try await warm(world)
        let text = try await Tool.run(
            "curl", ["-sS", "--compressed", "http://127.0.0.1:\(world.port)\(Self.large)"])
        expectEqual(Array(text.utf8), plain)
    }
}
