// Tests the sandbox over real sockets: a server in this process, a client on loopback.

import SocketServer
import StatusCore
import TestSupport
import Testing

@testable import UpstreamSandbox

@Suite(.blocking) struct WireTests {
    private static let bearer = ["Authorization: Bearer sandbox-token"]
    private let server: WireServer

    init() throws {
        var settings = Settings()
        settings.slow = .milliseconds(200)
        let sandbox = Sandbox(settings, now: Clocks.now(), wall: Clocks.wall())
        server = try WireServer(host: "127.0.0.1", port: 0) {
            sandbox.reaction(to: $0, wall: Clocks.wall())
        }
        server.start()
    }

    @Test func connectionServesManyCalls() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        for _ in 0..<3 {
            client.get(order(200), Self.bearer)
            expectEqual(client.answer()?.status, 200)
        }
    }

    @Test func pipelinedCallsAreAnsweredInOrder() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        // The first is slow, so the second must wait for it.
        client.get(order(1000), Self.bearer)
        client.get(order(500), Self.bearer)
        expectEqual(client.answer()?.status, 200)
        expectEqual(client.answer()?.status, 500)
    }

    @Test func requestMayComeByteByByte() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        let form =
            "grant_type=client_credentials&client_id=sandbox-client"
            + "&client_secret=sandbox-secret"
        for character in "POST /oauth/token HTTP/1.1\r\nHost: a\r\n"
            + "Content-Length: \(form.utf8.count)\r\n\r\n\(form)"
        { client.send(String(character)) }
        expectEqual(client.answer()?.status, 200)
    }

    @Test func connectionCloseIsRespected() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        client.get(order(200), Self.bearer + ["Connection: close"])
        expectEqual(client.answer()?.status, 200)
        expectEqual(client.rest().ending, .closed)
    }

    @Test func badRequestIsRefused() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n")
        expectEqual(client.answer()?.status, 400)
        expectEqual(client.rest().ending, .closed)
    }

    @Test(arguments: [
        (3000, Client.Ending.reset), (4000, .closed), (2000, .silence),
    ])
    func connectionFailsWithoutAnAnswer(_ number: Int, _ ending: Client.Ending) throws {
        defer { server.stop() }
        let client = try #require(Client(server.address, patience: 2000))
        client.get(order(number), Self.bearer)
        let (text, end) = client.rest()
        #expect(text.isEmpty && end == ending)
    }

    @Test(arguments: [(5000, Client.Ending.closed), (6000, .silence)])
    func halfAnAnswerPromisesMore(_ number: Int, _ ending: Client.Ending) throws {
        defer { server.stop() }
        let client = try #require(Client(server.address, patience: 2000))
        client.get(order(number), Self.bearer)
        let (text, end) = client.rest()
        #expect(text.hasPrefix("HTTP/1.1 200") && text.contains(#"{"id":"#))
        #expect(!text.hasSuffix("}") && end == ending)
    }

    @Test func answerOverNineMebibytesArrives() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address))
        client.get(order(36200), Self.bearer + ["Connection: close"])
        let (text, end) = client.rest()
        #expect(text.utf8.count > 9 << 20 && text.hasSuffix("\"}") && end == .closed)
    }

    @Test func reusedConnectionIsCutUnderItsFault() throws {
        defer { server.stop() }
        let control = try #require(Client(server.address))
        let body = #"{"kind":"close-reused"}"#
        control.send(
            "PUT /sandbox/faults/orders HTTP/1.1\r\nHost: a\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        expectEqual(control.answer()?.status, 200)
        let client = try #require(Client(server.address))
        client.get(order(200), Self.bearer)
        expectEqual(client.answer()?.status, 200)
        client.get(order(200), Self.bearer)
        let (text, end) = client.rest()
        #expect(text.isEmpty && end == .closed)
    }

    @Test func auditHasTheCallWhoseClientLeft() throws {
        defer { server.stop() }
        let client = try #require(Client(server.address, patience: 1000))
        client.get(order(2000), Self.bearer)
        expectEqual(client.rest().ending, .silence)
        let control = try #require(Client(server.address))
        control.get("/sandbox/audit/calls?id=\(SceneID.orders(2000))")
        let json = try JSONReader.read(Array(try #require(control.answer()).body.utf8))
        expectEqual(json["calls"]?.array?.map { $0["outcome"]?.string }, ["hang"])
    }

    private func order(_ number: Int) -> String {
        "/api/v2/orders/actions/" + SceneID.orders(number)
    }
}
