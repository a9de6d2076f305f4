// The page for people through the real program. Its policy contains the script's digest, which is
// compared with the one that a browser computes.

import Foundation
import TestSupport
import Testing

@Suite(.blocking) struct PageTests {
    @Test func pageIsServedWithAPolicyThatFitsIt() async throws {
        let world = try await World()
        let reply = try world.get("/")
        expectEqual(reply.status, 200)
        expectEqual(reply["content-type"], "text/html; charset=utf-8")
        let policy = try #require(reply["content-security-policy"])
        for element in ["script", "style"] {
            let start = try #require(reply.text.range(of: "<\(element)>")).upperBound
            let end = try #require(reply.text.range(of: "</\(element)>")).lowerBound
            let folder = try TemporaryFolder()
            let file = try folder.write(String(reply.text[start..<end]), to: "part")
            let hexadecimal = try await Tool.run("sha256sum", [file]).prefix(64)
            let digits = Array(hexadecimal)
            let digest = Data(
                stride(from: 0, to: digits.count, by: 2).compactMap {
                    UInt8(String(digits[$0...$0 + 1]), radix: 16)
                })
            #expect(policy.contains("\(element)-src 'sha256-\(digest.base64EncodedString())'"))
        }
    }

    @Test func pageNeedsNoKey() async throws {
        let folder = try TemporaryFolder()
        let digest = String(repeating: "a", count: 64)
        let path = try folder.write("app \(digest)\n", to: "keys")
        let world = try await World(["CALLER_KEYS_FILE": path])
        try expectEqual(world.get("/").status, 200)
        try expectEqual(world.get("/", method: "OPTIONS").status, 204)
    }
}
