// Counts the hot path's allocations: a fresh hit makes none on the heap. This holds for an optimised
// build only, which `RELEASE_PROGRAMS` names the folder of.

import Foundation
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct AllocationTests {
    private static let warmUpHits = 2000
    private static let countedHits = 8000
    private static let depth = 16

    enum Setup: CaseIterable {
        case usual
        case keys
        case textLog
        /// The log names a peer by its IPv6 address.
        case peer
    }

    /// For every request head of real clients, and for every other form of a hit.
    @Test(arguments: Setup.allCases)
    func freshHitMakesNoHeapAllocation(setup: Setup) async throws {
        let programs = try Prerequisite.releasePrograms()
        let folder = try TemporaryFolder()
        let counts = folder.url.appendingPathComponent("counts").path
        let sandbox = try Program("upstream-sandbox", ["--port", "0"])
        var settings = World.usual(sandboxPort: try await World.port(of: sandbox))
        settings["ORDERS_MIN_INTERVAL"] = "1h"
        settings["ORDERS_MAX_INTERVAL"] = "2h"
        settings["LD_PRELOAD"] = try await Self.counter(in: folder)
        settings["ALLOCATIONS_FILE"] = counts
        switch setup {
        case .usual: break
        case .keys: settings["CALLER_KEYS_FILE"] = try await Self.keys(in: folder)
        case .textLog: settings["LOG_FORMAT"] = "text"
        case .peer: settings.merge(["LOG_PEER": "on", "LISTEN_HOST": "::1"]) { $1 }
        }
        let proxy = try Program(
            "\(programs)/status-proxy", environment: settings, directory: folder.url)
        let host = setup == .peer ? "[::1]" : "127.0.0.1"
        let port = try await World.port(of: proxy, host: host)
        let socket = try RawSocket(port: port, isIPv6: setup == .peer)
        for hit in try Self.hits(on: socket) {
            try Self.ask(hit, socket, times: Self.warmUpHits)
            let before = try Self.allocations(counts)
            try Self.ask(hit, socket, times: Self.countedHits)
            let count = try Self.allocations(counts) - before
            // The rest grows with time, not with hits: batches of log lines, timers. One allocation per
            // hit would be ten times that.
            // allocation a hit would be ten times that.
            #expect(count < Self.countedHits / 10, "\(hit.name): \(count) allocations")
            #expect(before > 0, "nothing was counted")
        }
    }

    private struct Hit {
        var name: String
        var method = "GET"
        var query = ""
        /// The fields after Host; each line ends with CR LF.
        var fields = ""
        var status = 200

        var request: String {
            "\(method) /actions/\(DemoID.pendingOrder)\(query) HTTP/1.1\r\nHost: localhost\r\n"
                + "Authorization: Bearer key-one\r\n\(fields)\r\n"
        }
    }

    private static func hits(on socket: RawSocket) throws -> [Hit] {
        let bare = Hit(name: "bare")
        try socket.send(bare.request)
        let tag = try #require(try socket.reply()["etag"])
        let folder = root.appendingPathComponent("bench/heads")
        let heads = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().map {
            Hit(
                name: $0,
                fields: try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)
                    .split(whereSeparator: \.isNewline).map { "\($0)\r\n" }.joined())
        }
        try #require(heads.count >= 9)
        return [bare] + heads + [
            Hit(name: "HEAD", method: "HEAD", fields: "Accept: */*\r\n"),
            Hit(name: "304", fields: "If-None-Match: \(tag)\r\n", status: 304),
            Hit(name: "another state", fields: "If-None-Match: W/\"0123456789abcdef\"\r\n"),
            Hit(name: "source", query: "?source=orders"),
            Hit(name: "compressed", fields: "Accept-Encoding: gzip, identity;q=0\r\n"),
        ]
    }

    /// Answers are read, and must be hits.
    private static func ask(_ hit: Hit, _ socket: RawSocket, times: Int) throws {
        let batch = String(repeating: hit.request, count: depth)
        for _ in 0..<times / depth {
            try socket.send(batch)
            for _ in 0..<depth {
                let reply = try socket.reply(isHead: hit.method == "HEAD" || hit.status == 304)
                try #require(reply.status == hit.status)
            }
        }
    }

    /// Calls of all threads; the counter documents its file's format.
    private static func allocations(_ path: String) throws -> Int {
        let data = try Data(contentsOf: URL(fileURLWithPath: path))
        let words = data.withUnsafeBytes { Array($0.bindMemory(to: UInt64.self)) }
        return stride(from: 0, to: words.count, by: 3).reduce(0) { sum, slot in
            words[slot] == 0 ? sum : sum + Int(words[slot + 1])
        }
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    /// The bench's counter, compiled by Swift's own C compiler.
    private static func counter(in folder: TemporaryFolder) async throws -> String {
        let source = root.appendingPathComponent("bench/allocations/count.c").path
        let library = folder.url.appendingPathComponent("count.so").path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let compiler = try Program(
            "/usr/bin/env", ["clang", "-shared", "-fPIC", "-O2", "-o", library, source],
            environment: ["PATH": path])
        let code = try await compiler.exitCode()
        try #require(code == 0, "\(compiler.text)")
        return library
    }

    private static func keys(in folder: TemporaryFolder) async throws -> String {
        let key = try folder.write("key-one", to: "key")
        let digest = try await Tool.run("sha256sum", [key]).prefix(64)
        return try folder.write("app \(digest)\n", to: "keys")
    }
}
