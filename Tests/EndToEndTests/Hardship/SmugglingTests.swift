// Requests whose end two readers could see in different positions: the service refuses them, and behind
// a proxy it never answers more requests than were sent.

import Foundation
import StatusCore
import TestSupport
import Testing

/// A request that hides another one, and the service's answer if it arrives directly.
struct Smuggler: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// The fields and the content that follow request line, Host and X-Request-Id.
    var rest: String
    var statuses: [Int] = [400]

    init(_ name: String, _ rest: String, statuses: [Int] = [400]) {
        testDescription = name
        self.rest = rest
        self.statuses = statuses
    }

    func bytes(id: String) -> String {
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: \(id)\r\n" + rest
    }

    /// A complete request, and the start of one that swallows the next caller's request in a field.
    private static let hidden =
        "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: hidden\r\n\r\n"
    private static let prefix = "GET /openapi.yaml HTTP/1.1\r\nX-Request-Id: hidden\r\nX: "
    private static let chunkOfHidden =
        "\(String(hidden.utf8.count, radix: 16))\r\n\(hidden)\r\n0\r\n\r\n"

    static let all: [Smuggler] = classics + obscured + lengths + lines + chunks

    private static let classics = [
        Smuggler(
            "CL.TE",
            "Content-Length: \(5 + prefix.utf8.count)\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "0\r\n\r\n\(prefix)"),
        Smuggler(
            "CL.TE, whole request",
            "Content-Length: \(5 + hidden.utf8.count)\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "0\r\n\r\n\(hidden)"),
        Smuggler(
            "TE.CL",
            "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n\(chunkOfHidden)"),
        Smuggler(
            "TE first",
            "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n\(chunkOfHidden)"),
        Smuggler(
            "CL of 0 and TE",
            "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n\(chunkOfHidden)"),
    ]

    private static let obscured = [
        "Transfer-Encoding: xchunked", "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding:\u{0B}chunked", "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding:\r\n chunked", "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked", " Transfer-Encoding: chunked",
        "Transfer_Encoding: chunked\r\nTransfer-Encoding: cow", "Transfer-Encoding: chunked\u{00}",
    ].map {
        Smuggler(
            "TE.TE \($0.debugDescription)", "Content-Length: 4\r\n\($0)\r\n\r\n\(chunkOfHidden)",
            statuses: [400, 501])
    }

    private static let lengths: [Smuggler] = {
        let length = hidden.utf8.count
        let all = [
            "Content-Length: 0\r\nContent-Length: \(length)", "Content-Length: 0, \(length)",
            "Content-Length: \(length)\r\nContent-Length: 0",
            "Content-Length: \(length)\r\nContent-Length: \(length)",
            "Content-Length: +\(length)", "Content-Length: -\(length)",
            "Content-Length: 0x\(String(length, radix: 16))", "Content-Length: \(length) 0",
            "Content-Length : \(length)", "Content-Length: \u{0B}\(length)", "Content-Length:",
            "Content-Length: 18446744073709551616\r\nContent-Length: 0",
            "X: y\r\n Content-Length: \(length)", "X: y\r\n\tContent-Length: \(length)",
            "X: y\nContent-Length: \(length)", "X: y\rContent-Length: \(length)",
            "X\u{00}: y\r\nContent-Length: \(length)",
        ]
        return all.map { Smuggler("CL \($0.debugDescription)", "\($0)\r\n\r\n\(hidden)") }
    }()

    private static let lines = [
        Smuggler("head that ends in bare LF", "X: y\n\n\(hidden)"),
        Smuggler("second LF is bare", "X: y\r\n\n\(hidden)"),
        Smuggler("first LF is bare", "X: y\n\r\n\(hidden)"),
        Smuggler("CR CR LF", "X: y\r\r\n\r\n\(hidden)"),
    ]

    private static let chunks: [Smuggler] = {
        let length = String(hidden.utf8.count, radix: 16)
        let all = [
            "0x\(length)\r\n\(hidden)\r\n0\r\n\r\n", "\(length) \r\n\(hidden)\r\n0\r\n\r\n",
            "\(length)\n\(hidden)\r\n0\r\n\r\n", "\(length);\n\(hidden)\r\n0\r\n\r\n",
            "2;\nxx\r\n\(length)\r\n0\r\n\r\n\(hidden)\r\n0\r\n\r\n",
            "-1\r\n\(hidden)", "+0\r\n\r\n\(hidden)", "1\r\nxx\r\n0\r\n\r\n\(hidden)",
            "10000000000000000\r\n\(hidden)", "0\n\r\n\(hidden)", "0\r\n\n\(hidden)",
            "0\r\nX: y\n\r\n\(hidden)", "0\r\n X: y\r\n\r\n\(hidden)", "\r\n0\r\n\r\n\(hidden)",
        ]
        return all.map {
            Smuggler(
                "chunk \($0.prefix(12).debugDescription)",
                "Transfer-Encoding: chunked\r\n\r\n\($0)", statuses: [400, 413])
        }
    }()
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct SmugglingTests {
    /// Health checks have lines, too.
    private static let settings = ["LOG_LEVEL": "debug"]

    @Test func serviceRefusesEveryDoubtfulRequestOnceAndCloses() async throws {
        let world = try await World(Self.settings)
        for smuggler in Smuggler.all {
            let socket = try RawSocket(port: world.port)
            try socket.send(smuggler.bytes(id: "outer"))
            let replies = try socket.repliesToTheEnd()
            let first = try #require(replies.first, "\(smuggler.testDescription)")
            expectEqual(replies.count, 1, "\(smuggler.testDescription)")
            #expect(
                smuggler.statuses.contains(first.status), "\(smuggler.testDescription): \(first)")
            expectEqual(first["connection"], "close")
        }
        try await expectEqual(Self.answered(by: world), [])
    }

    @Test func contentThatLooksLikeARequestIsNoRequest() async throws {
        let world = try await World(Self.settings)
        let hidden = "GET /openapi.yaml HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let bodies = [
            "Content-Length: \(hidden.utf8.count)\r\n\r\n\(hidden)",
            "Transfer-Encoding: chunked\r\n\r\n"
                + "\(String(hidden.utf8.count, radix: 16))\r\n\(hidden)\r\n0\r\n\r\n",
        ]
        for body in bodies {
            let socket = try RawSocket(port: world.port)
            try socket.send("GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: outer\r\n\(body)")
            try socket.send("GET /livez HTTP/1.1\r\nHost: a\r\nX-Request-Id: next\r\n\r\n")
            socket.endSending()
            try expectEqual(socket.repliesToTheEnd().map { $0["x-request-id"] }, ["outer", "next"])
        }
        try await expectEqual(Self.answered(by: world), ["next", "next", "outer", "outer"])
    }

    @Test func nothingIsSmuggledPastNginx() async throws {
        let world = try await World(Self.settings)
        let front = try await Nginx(servicePort: world.port)
        try await expectEveryAnswerAtItsAsker(world, front: front.port)
    }

    @Test func nothingIsSmuggledPastHAProxy() async throws {
        let world = try await World(Self.settings)
        let front = try await HAProxy(servicePorts: [world.port])
        try await expectEveryAnswerAtItsAsker(world, front: front.port)
    }

    /// Sends each ambiguous request on its own connection, and sends two requests on another one, which
    /// the proxy serves over the same connections to the service. Then every request in the service's
    /// log must be one that was sent: a smuggled one has an extra answer, and the next caller gets a
    /// wrong one.
    private func expectEveryAnswerAtItsAsker(_ world: World, front: Int) async throws {
        var received: [String] = []
        for (number, smuggler) in Smuggler.all.enumerated() {
            let socket = try RawSocket(port: front)
            try socket.send(smuggler.bytes(id: "outer-\(number)"))
            socket.endSending()
            received += try socket.repliesToTheEnd().compactMap { $0["x-request-id"] }
            var client = try Client(port: front)
            for round in 0..<2 {
                let id = "probe-\(number)-\(round)"
                let reply = try client.request("/readyz", fields: ["X-Request-Id: \(id)"])
                expectEqual(reply.status, 200, "\(smuggler.testDescription)")
                expectEqual(reply["x-request-id"], id, "\(smuggler.testDescription)")
                received.append(id)
            }
        }
        // Some are unambiguous to the proxy, or repaired by it: these have passed.
        let passed = received.filter { $0.hasPrefix("outer") }.count
        #expect(passed > 0)
        try await expectEqual(Self.answered(by: world), received.sorted())
    }

    /// The ids of the requests that the service answered, from its log. Ends the service.
    private static func answered(by world: World) async throws -> [String] {
        world.proxy.signal(SIGTERM)
        try await expectEqual(world.proxy.exitCode(), 0)
        return world.proxy.text.split(separator: "\n").compactMap { line in
            let line = try? JSONReader.read(Array(line.utf8))
            return line?["message"]?.string == "request" ? line?["request_id"]?.string : nil
        }.sorted()
    }
}
