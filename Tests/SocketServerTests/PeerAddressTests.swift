// Tests the peer's address as a handler gets it.

import TestSupport
import Testing

@testable import SocketServer

@Suite(.blocking, .timeLimit(.minutes(1)))
struct PeerAddressTests {
    private func peer(on host: String, from address: String? = nil) throws -> String {
        let stage = try Stage(host)
        let bound = stage.server.address
        let peer = try Peer(address.map { BoundAddress(host: $0, port: bound.port) } ?? bound)
        try peer.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
        return try peer.answer().body
    }

    @Test(arguments: [("127.0.0.1", "127.0.0.1 127.0.0.1"), ("::1", "::1 0/64")])
    func peerIsNamedByItsAddressAndCountedByItsNetwork(host: String, expected: String) throws {
        try expectEqual(peer(on: host), expected)
    }

    @Test func ipv4IsWrittenTheSameOnAListenerOfBothFamilies() throws {
        try expectEqual(peer(on: "::", from: "127.0.0.1"), "127.0.0.1 127.0.0.1")
    }

    @Test func answerCanBeTheConnectionsLast() throws {
        let stage = try Stage()
        let peer = try Peer(stage.server.address)
        let request = "GET /last HTTP/1.1\r\nHost: a\r\n\r\n"
        try peer.send(request + request)
        let answer = try peer.answer()
        expectEqual(answer.status, 200)
        expectEqual(answer.fields["connection"], "close")
        #expect(try peer.receiveOnce().isEmpty)
    }
}
