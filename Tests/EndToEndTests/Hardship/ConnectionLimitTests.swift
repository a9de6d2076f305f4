// The service when it may not have more connections.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ConnectionLimitTests {
    private static let ask = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"

    @Test func oneConnectionTooManyHearsAProblemAndTheNextIsServedWhenOneLeaves() async throws {
        let world = try await World(["HTTP_MAX_CONNECTIONS": "3"])
        let inside = try (0..<3).map { _ in
            let socket = try RawSocket(port: world.port)
            try socket.send(Self.ask)
            #expect(try socket.reply().status == 200)
            return socket
        }
        for _ in 0..<5 {
            let outside = try RawSocket(port: world.port)
            try outside.send(Self.ask)
            let reply = try outside.reply()
            #expect(reply.status == 503)
            #expect(reply["content-type"] == "application/problem+json")
            #expect(reply["retry-after"] == "1")
            #expect(reply["connection"] == "close")
            #expect(reply.json["code"]?.string == "overloaded")
            #expect(try outside.isEnded())
        }
        try inside[1].send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        let refused = "status_proxy_connections_refused_total{reason=\"limit\"} 5\n"
        #expect(try inside[1].reply().text.contains(refused))
        inside[0].close()
        try await eventually("a free place") {
            let next = try RawSocket(port: world.port)
            try next.send(Self.ask)
            return try next.reply().status == 200
        }
    }
}
