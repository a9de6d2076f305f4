// nginx before the service: persistent connections, answers without content, requests with content.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct NginxTests {
    @Test func burstOverKeptConnectionsPassesWithoutAFailure() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        let traffic = Traffic(
            port: front.port, "/actions/\(DemoID.pendingVoucher)", callers: 24)
        try await traffic.untilAnswered(2_000)
        let crowd = await traffic.stop()
        expectEqual(crowd.failures, 0)
        expectEqual(Set(crowd.statuses.keys), [200], "\(crowd.statuses)")
        // Reused, not opened for each request.
        let figures = try world.get("/metrics").text
        let line = figures.split(separator: "\n").first {
            $0.hasPrefix("status_proxy_connections ")
        }
        let open = try #require(line?.split(separator: " ").last.flatMap { Int($0) })
        #expect((2...40).contains(open))
    }

    @Test func answersWithoutContentLeaveTheConnectionInOrder() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        let path = "/actions/\(DemoID.pendingVoucher)"
        var client = try Client(port: front.port)
        let first = try client.request(path)
        let tag = try #require(first["etag"])
        for _ in 0..<20 {
            let head = try client.request(path, method: "HEAD")
            expectEqual(head.status, 200)
            expectEqual(head["etag"], tag)
            expectEqual(head["content-length"], first["content-length"])
            let unchanged = try client.request(path, fields: ["If-None-Match: \(tag)"])
            expectEqual(unchanged.status, 304)
            expectEqual(unchanged["etag"], tag)
            let options = try client.request("/", method: "OPTIONS")
            expectEqual(options.status, 204)
            let again = try client.request(path)
            expectEqual(again.json["id"]?.string, DemoID.pendingVoucher)
        }
    }

    @Test func contentOfAGetIsReadAndDropped() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        var client = try Client(port: front.port)
        for count in [1, 1_000, 65_536] {
            let body = String(repeating: "x", count: count)
            try expectEqual(client.request("/livez", body: body).status, 200)
            try expectEqual(client.request("/readyz").status, 200)
        }
    }

    @Test func chunkedContentIsForwardedAsItArrives() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        let socket = try RawSocket(port: front.port)
        for _ in 0..<10 {
            try socket.send(
                "GET /livez HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for piece in ["5\r\nabcde\r\n", "1", "0\r\n0123456789abcdef\r\n", "0\r\n\r\n"] {
                try socket.send(piece)
            }
            try expectEqual(socket.reply().status, 200)
        }
        try socket.send("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try expectEqual(socket.reply().status, 200)
    }

    @Test func tooMuchContentIsRefusedAndTheNextRequestServed() async throws {
        let world = try await World()
        let front = try await Nginx(servicePort: world.port)
        let large = String(repeating: "x", count: 65_537)
        for _ in 0..<5 {
            try expectEqual(Client.get(port: front.port, "/livez", body: large).status, 413)
            try expectEqual(Client.get(port: front.port, "/livez").status, 200)
        }
    }
}
