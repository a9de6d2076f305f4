// The limit of open files, raised at the start of the real program.

import Foundation
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct DescriptorLimitTests {
    /// Soft and hard limit of a proxy started under these.
    private func limits(soft: Int, hard: Int, connections: Int) async throws -> (String, String) {
        let folder = try TemporaryFolder()
        let sandbox = try Program("upstream-sandbox", ["--port", "0"])
        var settings = World.usual(sandboxPort: try await World.port(of: sandbox))
        settings["HTTP_MAX_CONNECTIONS"] = "\(connections)"
        let path = Program.folder.appendingPathComponent("status-proxy").path
        let proxy = try Program(
            "/bin/sh", ["-c", "ulimit -Sn \(soft) && ulimit -Hn \(hard) && exec \"$0\"", path],
            environment: settings, directory: folder.url)
        let port = try await World.port(of: proxy)
        let lines = try String(
            contentsOfFile: "/proc/\(proxy.identifier)/limits", encoding: .utf8
        ).split(separator: "\n")
        let line = try #require(lines.first { $0.hasPrefix("Max open files") })
        let metrics = try Client.get(port: port, "/metrics").text
        #expect(metrics.contains("status_proxy_descriptor_shortages_total 0\n"))
        return (String(line.split(separator: " ")[3]), proxy.text)
    }

    @Test func lowLimitIsRaisedToWhatTheConnectionsNeed() async throws {
        let (limit, log) = try await limits(soft: 256, hard: 4096, connections: 1000)
        #expect((1200...1500).contains(Int(limit) ?? 0), "\(limit)")
        #expect(!log.contains("open files"))
    }

    @Test func limitThatCannotBeRaisedEnoughIsReported() async throws {
        let (limit, log) = try await limits(soft: 256, hard: 512, connections: 1000)
        expectEqual(limit, "512")
        let line = try #require(log.split(separator: "\n").first { $0.contains("open files") })
        #expect(line.contains("\"warning\""))
        #expect(line.contains("\"limit\":512"))
    }

    @Test func limitThatSufficesIsLeftAlone() async throws {
        let (limit, log) = try await limits(soft: 2000, hard: 4096, connections: 1000)
        expectEqual(limit, "2000")
        #expect(!log.contains("open files"))
    }
}
