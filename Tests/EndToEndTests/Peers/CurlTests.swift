// curl with the service: every version and option that operators use by hand and in scripts.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct CurlTests {
    /// One transfer as curl's `-w` reports it.
    private struct Transfer: Equatable {
        var status: Int
        var connects: Int
        var bytes: Int
    }

    /// Runs curl; one transfer for each URL.
    private func curl(_ arguments: [String]) async throws -> [Transfer] {
        let format = "%{http_code} %{num_connects} %{size_download}\\n"
        // One -o for each URL, or the rest goes to standard output.
        let urls = arguments.count { $0.hasPrefix("http://") }
        let sinks = (0..<urls).flatMap { _ in ["-o", "/dev/null"] }
        let common = ["-sS", "--max-time", "30", "-w", format]
        let text = try await Tool.run("curl", common + sinks + arguments)
        return text.split(separator: "\n").map { line in
            let numbers = line.split(separator: " ").map { Int($0) ?? -1 }
            return Transfer(status: numbers[0], connects: numbers[1], bytes: numbers[2])
        }
    }

    @Test(arguments: [["--http1.1"], ["--http1.0", "-H", "Connection: keep-alive"]])
    func connectionIsReusedForSeveralURLs(options: [String]) async throws {
        let world = try await World()
        let url = "http://127.0.0.1:\(world.port)/actions/\(DemoID.pendingVoucher)"
        let transfers = try await curl(options + [url, url, url])
        expectEqual(transfers.map(\.status), [200, 200, 200])
        expectEqual(transfers.map(\.connects), [1, 0, 0])
        #expect(transfers.allSatisfy { $0.bytes > 100 })
    }

    @Test func plainHTTP10GetsACloseAfterEachAnswer() async throws {
        let world = try await World()
        let url = "http://127.0.0.1:\(world.port)/livez"
        let transfers = try await curl(["--http1.0", url, url])
        expectEqual(transfers.map(\.status), [200, 200])
        expectEqual(transfers.map(\.connects), [1, 1])
    }

    @Test func headIsAnsweredWithoutContent() async throws {
        let world = try await World()
        let url = "http://127.0.0.1:\(world.port)/openapi.yaml"
        let transfers = try await curl(["-I", url, url])
        expectEqual(transfers.map(\.status), [200, 200])
        expectEqual(transfers.map(\.connects), [1, 0])
    }

    @Test(arguments: [[], ["-H", "Transfer-Encoding: chunked"]])
    func contentThatWaitsForA100IsAcceptedAtOnce(options: [String]) async throws {
        let world = try await World()
        let folder = try TemporaryFolder()
        let file = try folder.write(String(repeating: "x", count: 60_000), to: "content")
        let url = "http://127.0.0.1:\(world.port)/livez"
        // Without a 100 curl would wait longer than the whole transfer may take.
        let transfers = try await curl(
            options + [
                "-X", "GET", "--data-binary", "@\(file)", "-H", "Expect: 100-continue",
                "--expect100-timeout", "60", url, url,
            ])
        expectEqual(transfers.map(\.status), [200, 200])
        expectEqual(transfers.map(\.connects), [1, 0])
    }

    @Test func tooMuchContentIsRefusedBeforeItIsSent() async throws {
        let world = try await World()
        let folder = try TemporaryFolder()
        let file = try folder.write(String(repeating: "x", count: 200_000), to: "content")
        let transfers = try await curl([
            "-X", "GET", "--data-binary", "@\(file)", "-H", "Expect: 100-continue",
            "--expect100-timeout", "60", "http://127.0.0.1:\(world.port)/livez",
        ])
        expectEqual(transfers.map(\.status), [413])
    }

    @Test func serviceOnAUnixSocketIsReached() async throws {
        let folder = try TemporaryFolder()
        let path = folder.url.appendingPathComponent("http.sock").path
        let sandbox = try Program("upstream-sandbox", ["--port", "0"])
        var settings = World.usual(sandboxPort: try await World.port(of: sandbox))
        settings["LISTEN_HOST"] = "unix:\(path)"
        let proxy = try Program("status-proxy", environment: settings, directory: folder.url)
        _ = try await proxy.wait(for: "address") { $0.contains("unix:\(path)") ? true : nil }
        let url = "http://localhost/actions/\(DemoID.pendingVoucher)"
        let transfers = try await curl(["--unix-socket", path, url, url])
        expectEqual(transfers.map(\.status), [200, 200])
        expectEqual(transfers.map(\.connects), [1, 0])
        proxy.signal(SIGTERM)
        try await expectEqual(proxy.exitCode(), 0)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func serviceOnIPv6IsReached() async throws {
        let folder = try TemporaryFolder()
        let sandbox = try Program("upstream-sandbox", ["--port", "0"])
        var settings = World.usual(sandboxPort: try await World.port(of: sandbox))
        settings["LISTEN_HOST"] = "::1"
        let proxy = try Program("status-proxy", environment: settings, directory: folder.url)
        let port = try await World.port(of: proxy, host: "[::1]")
        let url = "http://[::1]:\(port)/actions/\(DemoID.pendingVoucher)"
        let transfers = try await curl(["-g", url, url])
        expectEqual(transfers.map(\.status), [200, 200])
        expectEqual(transfers.map(\.connects), [1, 0])
    }
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ApacheBenchTests {
    /// ab speaks HTTP/1.0, with `-k` on kept connections.
    @Test(arguments: [true, false], ["/livez", "/actions/\(DemoID.pendingOrder)"])
    func twoThousandRequestsPassWithoutAFailure(keepsAlive: Bool, path: String) async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        try expectEqual(world.get(path).status, 200)
        // -l: the length may change, as times in the content do.
        let options = ["-q", "-l", "-n", "2000", "-c", "50"] + (keepsAlive ? ["-k"] : [])
        let text = try await Tool.run("ab", options + ["http://127.0.0.1:\(world.port)\(path)"])
        let figures = Self.figures(in: text)
        expectEqual(figures["Complete requests"], 2_000, "\(text)")
        expectEqual(figures["Failed requests"], 0, "\(text)")
        #expect(figures["Non-2xx responses"] == nil, "\(text)")
        expectEqual(figures["Keep-Alive requests"], keepsAlive ? 2_000 : nil, "\(text)")
    }

    /// Lines like `Complete requests:      2000`.
    private static func figures(in text: String) -> [Substring: Int] {
        text.split(separator: "\n").reduce(into: [:]) { figures, line in
            let halves = line.split(separator: ":")
            guard halves.count == 2 else { return }
            figures[halves[0]] = halves[1].split(separator: " ").first.flatMap { Int($0) }
        }
    }
}
