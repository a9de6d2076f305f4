// The service at its connection limit.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ConnectionLimitTests {
    private static let known = "/actions/\(DemoID.pendingVoucher)"

    private func request(_ path: String, method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
    }

    /// The answer to the first request of a new connection, and the connection.
    private func newcomer(
        on world: World, _ path: String, method: String = "GET"
    ) throws -> (RawSocket, Reply) {
        let socket = try RawSocket(port: world.port)
        try socket.send(request(path, method: method))
        return (socket, try socket.reply())
    }

    /// Streams, one for each place.
    private func fill(_ world: World, _ count: Int) async throws -> [RawSocket] {
        var streams: [RawSocket] = []
        for number in 1...count {
            // A connection that is closing may still have the place.
            try await eventually("a place for stream \(number)") {
                let socket = try RawSocket(port: world.port)
                try socket.send(
                    "GET \(Self.known) HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                )
                let begin = try String(decoding: socket.piece() ?? [], as: UTF8.self)
                guard begin.hasPrefix("HTTP/1.1 200 ") else { return false }
                streams.append(socket)
                return true
            }
        }
        return streams
    }

    @Test func idleConnectionsMakeRoomForNewcomers() async throws {
        let world = try await World(["HTTP_MAX_CONNECTIONS": "3"])
        var sockets: [RawSocket] = []
        for _ in 0..<10 {
            let (socket, reply) = try newcomer(on: world, "/livez")
            expectEqual(reply.status, 200)
            #expect(reply["connection"] == nil)
            sockets.append(socket)
        }
        for socket in sockets.dropLast(3) { #expect(try socket.isEnded()) }
        try sockets[9].send(request("/metrics"))
        let metrics = try sockets[9].reply().text
        #expect(metrics.contains("status_proxy_connections 3\n"))
        #expect(metrics.contains("status_proxy_connections_refused_total{reason=\"limit\"} 0\n"))
    }

    @Test func fullServerAnswersHealthChecksAndRefusesOthers() async throws {
        let world = try await World(["HTTP_MAX_CONNECTIONS": "3"])
        try expectEqual(world.get(Self.known).status, 200)
        let streams = try await fill(world, 3)
        for (path, method, status) in [
            ("/livez", "GET", 200), ("/livez", "OPTIONS", 200), ("/healthz", "GET", 200),
            ("/readyz", "GET", 200), ("*", "OPTIONS", 204), ("/", "OPTIONS", 204),
        ] {
            // A late request gets a 503, too.
            try await eventually("\(method) \(path)") {
                let (socket, reply) = try newcomer(on: world, path, method: method)
                expectEqual(reply["connection"], "close")
                #expect(try socket.isEnded())
                return reply.status == status
            }
        }
        for path in [Self.known, "/metrics", "/", "/nowhere"] {
            let (socket, reply) = try newcomer(on: world, path)
            expectEqual(reply.status, 503)
            expectEqual(reply["content-type"], "application/problem+json")
            expectEqual(reply["retry-after"], "1")
            expectEqual(reply["connection"], "close")
            expectEqual(reply.json["code"]?.string, "overloaded")
            #expect(try socket.isEnded())
        }
        let probe = try Program(
            "status-proxy", ["healthcheck", "--url", "http://127.0.0.1:\(world.port)"])
        try await expectEqual(probe.exitCode(), 0)
        streams[0].close()
        try await eventually("a free place") {
            try newcomer(on: world, "/metrics").1.text.contains("status_proxy_connections 3\n")
        }
        let metrics = try newcomer(on: world, "/metrics").1.text
        #expect(metrics.contains("status_proxy_connections_refused_total{reason=\"limit\"}"))
        #expect(!metrics.contains("status_proxy_connections_refused_total{reason=\"limit\"} 0\n"))
    }
}
