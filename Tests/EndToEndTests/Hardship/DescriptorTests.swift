// The service without a free file descriptor: connected callers are served, others get a refusal, and
// the service recovers once others have left.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct DescriptorTests {
    /// Not a health check, which would be answered without a place.
    private static let ask = "OPTIONS /actions HTTP/1.1\r\nHost: localhost\r\n\r\n"
    private static let served = 204

    /// A proxy with a sandbox behind it, that may have 64 descriptors.
    private final class Narrow {
        let folder: TemporaryFolder
        let sandbox: Program
        let proxy: Program
        let port: Int

        init(_ more: [String: String] = [:]) async throws {
            folder = try TemporaryFolder()
            sandbox = try Program("upstream-sandbox", ["--port", "0"])
            let settings = World.usual(sandboxPort: try await World.port(of: sandbox))
                .merging(more) { _, new in new }
            let path = Program.folder.appendingPathComponent("status-proxy").path
            proxy = try Program(
                "/bin/sh", ["-c", "ulimit -n 64; exec \"$0\"", path], environment: settings,
                directory: folder.url)
            port = try await World.port(of: proxy)
        }

        /// Limits the running proxy to that many descriptors from now on; it keeps those it has.
        func allow(_ count: Int) async throws {
            _ = try await Tool.run(
                "prlimit", ["--pid=\(proxy.identifier)", "--nofile=\(count):64"])
        }
    }

    /// As many connections as the service accepts, each answered once, and fifty more that have sent a
    /// request.
    private func crowd(on port: Int) throws -> (inside: [RawSocket], outside: [RawSocket]) {
        func asking() throws -> RawSocket {
            let socket = try RawSocket(port: port)
            try socket.send(Self.ask)
            return socket
        }
        var inside: [RawSocket] = []
        while inside.count < 64 {
            let next = try asking()
            guard try next.reply().status == Self.served else { break }
            inside.append(next)
        }
        return (inside, try (0..<50).map { _ in try asking() })
    }

    @Test func openConnectionsAreServedAndFurtherOnesGet503() async throws {
        let narrow = try await Narrow()
        let known = "/actions/\(DemoID.pendingVoucher)"
        try expectEqual(Client.get(port: narrow.port, known).status, 200)
        let (inside, outside) = try crowd(on: narrow.port)
        #expect((10..<64).contains(inside.count))
        for socket in inside {
            try socket.send("GET \(known) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let reply = try socket.reply()
            expectEqual(reply.status, 200)
            expectEqual(reply.json["id"]?.string, DemoID.pendingVoucher)
        }
        // The connection to the upstream closes after 10 s of idleness, which makes room for one.
        let replies = try outside.map { ($0, try $0.reply()) }
        let refused = replies.filter { $0.1.status != Self.served }
        #expect(refused.count >= outside.count - 1)
        for (socket, reply) in refused {
            expectEqual(reply.status, 503)
            expectEqual(reply.json["code"]?.string, "overloaded")
            expectEqual(reply["connection"], "close")
            #expect(try socket.isEnded())
        }
        #expect(narrow.proxy.isRunning)
    }

    /// A process without descriptors is still alive.
    @Test func healthChecksAreAnsweredWithoutDescriptors() async throws {
        let narrow = try await Narrow()
        let (inside, outside) = try crowd(on: narrow.port)
        for (path, method, status) in [
            ("/livez", "GET", 200), ("/readyz", "GET", 200), ("*", "OPTIONS", 204),
        ] {
            // Bytes that arrive after the connection is accepted are not read.
            try await eventually("the answer to \(path)") {
                let socket = try RawSocket(port: narrow.port)
                try socket.send("\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                let reply = try socket.reply()
                return reply.status == status && reply["connection"] == "close"
            }
        }
        try inside[0].send(Self.ask)
        try expectEqual(inside[0].reply().status, Self.served)
        withExtendedLifetime((inside, outside)) {}
    }

    @Test func furtherConnectionsAreServedOnceOthersLeave() async throws {
        let narrow = try await Narrow()
        let (inside, outside) = try crowd(on: narrow.port)
        for socket in inside { socket.close() }
        let statuses = try outside.map { try $0.reply().status }
        #expect(statuses.count { $0 == Self.served } > outside.count / 2, "\(statuses)")
        #expect(Set(statuses).isSubset(of: [Self.served, 503]))
    }

    @Test func upstreamsAreCalledAgainOnceOthersLeave() async throws {
        let narrow = try await Narrow()
        let (inside, outside) = try crowd(on: narrow.port)
        // There may be no socket for the call: then none is made, and the caller is answered.
        try inside[0].send("GET /actions/\(DemoID.order) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let reply = try inside[0].reply()
        #expect([200, 502, 503, 504].contains(reply.status))
        for socket in inside + outside { socket.close() }
        try await eventually("a call") {
            let reply = try Client.get(port: narrow.port, "/actions/\(DemoID.pendingVoucher)")
            return reply.status == 200
        }
        try await eventually("the failed call's retry") {
            try Client.get(port: narrow.port, "/actions/\(DemoID.order)").status == 200
        }
        #expect(narrow.proxy.isRunning)
    }

    /// The service itself lacks descriptors: the upstream does not count as failing, and the call that
    /// was not made leaves no negative result.
    @Test func callsThatCannotBeMadeAreNotTheUpstreamsFailures() async throws {
        let narrow = try await Narrow()
        let socket = try RawSocket(port: narrow.port)
        func ask(_ target: String) throws -> Reply {
            try socket.send("GET \(target) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return try socket.reply()
        }
        try expectEqual(ask("/livez").status, 200)
        try await narrow.allow(4)
        let known = ["/actions/\(DemoID.order)", "/actions/\(DemoID.pendingVoucher)"]
        for target in known {
            let reply = try ask(target)
            expectEqual(reply.status, 503)
            expectEqual(reply.json["code"]?.string, "overloaded")
            expectEqual(reply["retry-after"], "1")
            let outcome = reply.json["sources"]?.array?.first?["outcome"]?.string
            expectEqual(outcome, "out-of-resources")
        }
        _ = try await narrow.proxy.wait(for: "the call that was not made") { text in
            text.split(separator: "\n").contains {
                $0.contains("\"upstream call\"") && $0.contains("errno 24")
            } ? true : nil
        }
        let metrics = try ask("/metrics").text
        let calls = "status_proxy_upstream_calls_total{source=\"vouchers\",outcome="
        let short = calls + "\"out-of-resources\"}"
        #expect(metrics.contains(short) && !metrics.contains("\(short) 0\n"))
        #expect(metrics.contains("status_proxy_upstream_breaker_open{source=\"vouchers\"} 0\n"))
        try await narrow.allow(64)
        for target in known {
            try await eventually("the call's retry") { try ask(target).status == 200 }
        }
        #expect(!narrow.proxy.text.contains("calls stop"))
    }

    @Test func exhaustionAndItsEndAreLogged() async throws {
        let narrow = try await Narrow()
        let (inside, outside) = try crowd(on: narrow.port)
        let lines = { (text: String, word: String) in
            text.split(separator: "\n").count { $0.contains("descriptors") && $0.contains(word) }
        }
        _ = try await narrow.proxy.wait(for: "the shortage") {
            lines($0, "\"warning\"") > 0 ? true : nil
        }
        try inside[0].send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let metrics = try inside[0].reply().text
        #expect(metrics.contains("status_proxy_descriptor_shortage 1\n"))
        #expect(!metrics.contains("status_proxy_descriptor_shortages_total 0\n"))
        let refused = "status_proxy_connections_refused_total{reason=\"descriptors\"}"
        #expect(metrics.contains(refused) && !metrics.contains("\(refused) 0\n"))
        for socket in inside + outside { socket.close() }
        _ = try await narrow.proxy.wait(for: "the end of the shortage") {
            lines($0, "\"info\"") > 0 ? true : nil
        }
        // Logged when it begins and when it ends, not for every connection.
        #expect(lines(narrow.proxy.text, "\"warning\"") < 10)
    }

    /// The spare descriptor was used and could not be opened again; then there is room.
    @Test func nobodyIsRefusedOnceDescriptorsAreFreeEvenIfASpareOneIsMissing() async throws {
        let narrow = try await Narrow()
        try await narrow.allow(4)
        // The loop that notices pauses; the other loop continues.
        let first = try RawSocket(port: narrow.port)
        try first.send(Self.ask)
        _ = try await narrow.proxy.wait(for: "the shortage") {
            $0.contains("no descriptors") ? true : nil
        }
        try await narrow.allow(64)
        let others = try (0..<20).map { _ in
            let socket = try RawSocket(port: narrow.port)
            try socket.send(Self.ask)
            return socket
        }
        for socket in others + [first] { try expectEqual(socket.reply().status, Self.served) }
    }

    @Test func furtherConnectionsAreAnsweredWhileTheServiceStops() async throws {
        let narrow = try await Narrow(["DRAIN_DELAY": "0s"])
        let (inside, _) = try crowd(on: narrow.port)
        narrow.proxy.signal(SIGSTOP)
        let waiting = try (0..<50).map { _ in
            let socket = try RawSocket(port: narrow.port)
            try socket.send(Self.ask)
            return socket
        }
        narrow.proxy.signal(SIGTERM)
        narrow.proxy.signal(SIGCONT)
        for socket in waiting {
            let status = try socket.reply().status
            #expect([Self.served, 503].contains(status))
        }
        withExtendedLifetime(inside) {}
        try await expectEqual(narrow.proxy.exitCode(), 0)
    }

    @Test func callerKeysThatChangeMeanwhileAreReadAfterwards() async throws {
        let folder = try TemporaryFolder()
        let key = try folder.write("key-one", to: "key")
        let digest = try await Tool.run("sha256sum", [key]).prefix(64)
        let old = "old \(String(repeating: "0", count: 64))\n"
        let path = try folder.write(old, to: "keys")
        let narrow = try await Narrow(["CALLER_KEYS_FILE": path])
        let (inside, outside) = try crowd(on: narrow.port)
        _ = try folder.write("app \(digest)\n", to: "keys")
        _ = try await narrow.proxy.wait(for: "the complaint") {
            $0.contains("cannot be used") ? true : nil
        }
        for socket in inside + outside { socket.close() }
        try await eventually("the new key to work") {
            let reply = try Client.get(
                port: narrow.port, "/metrics", fields: ["Authorization: Bearer key-one"])
            return reply.status == 200
        }
    }
}
