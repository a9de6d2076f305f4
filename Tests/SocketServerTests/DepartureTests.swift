// Tests peers that close their sending side, or the whole connection, before their answer.

import Foundation
import HTTPWire
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct DepartureTests {
    /// How a peer leaves; the server cannot distinguish the first two.
    enum Way: CaseIterable {
        case close, endSending, reset

        func leave(_ peer: Peer) {
            switch self {
            case .close: peer.close()
            case .endSending: peer.shutdownWrite()
            case .reset: peer.reset()
            }
        }
    }

    private static let later = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let next = "GET /next HTTP/1.1\r\nHost: a\r\n\r\n"
    private static let head = Response(status: 200)

    private func stage(grace: Duration, unix: Bool = false) throws -> Stage {
        let host = unix ? "unix:/tmp/http-\(UUID().uuidString.prefix(8)).sock" : "127.0.0.1"
        return try Stage(host) {
            $0.departureGrace = grace
            $0.heartbeat = Array(":\n".utf8)
            $0.heartbeatInterval = .seconds(600)
        }
    }

    // MARK: Gone

    @Test(arguments: Way.allCases, [false, true])
    func peerThatLeavesWhileItWaitsIsAbandoned(way: Way, unix: Bool) throws {
        let stage = try stage(grace: .milliseconds(10), unix: unix)
        let peer = try stage.peer()
        try peer.send(Self.later)
        _ = try stage.player.next()
        way.leave(peer)
        #expect(stage.player.left.wait())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    /// Long before the next heartbeat.
    @Test(arguments: Way.allCases, [false, true])
    func peerThatLeavesItsStreamIsAbandoned(way: Way, unix: Bool) throws {
        let stage = try stage(grace: .milliseconds(10), unix: unix)
        let peer = try stage.peer()
        try peer.send(Self.later)
        let exchange = try stage.player.next()
        exchange.beginStream(Self.head)
        exchange.send { _ in Content(Array("one".utf8)) }
        _ = try peer.text(through: "one\r\n")
        way.leave(peer)
        #expect(stage.player.left.wait())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    @Test func piecesOfItsStreamDoNotKeepADepartedPeer() throws {
        let stage = try stage(grace: .milliseconds(300))
        let peer = try stage.peer()
        try peer.send(Self.later)
        let exchange = try stage.player.next()
        exchange.beginStream(Self.head)
        _ = try peer.text(through: "\r\n\r\n")
        peer.shutdownWrite()
        // More often than the grace lasts.
        let isGone = eventually {
            exchange.send { _ in Content(Array("piece".utf8)) }
            return stage.server.connectionCount == 0
        }
        #expect(isGone)
        #expect(stage.player.left.wait())
    }

    @Test(arguments: [Way.close, .endSending])
    func requestsBehindTheHeldOneDoNotHideADeparture(way: Way) throws {
        let stage = try stage(grace: .milliseconds(10))
        let peer = try stage.peer()
        try peer.send(Self.later + String(repeating: Self.next, count: 100))
        _ = try stage.player.next()
        way.leave(peer)
        #expect(stage.player.left.wait())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    /// More than the kernel can buffer, so that the end arrives only after it has been read.
    @Test(arguments: [Way.close, .endSending])
    func requestsThatFillTheReceiveBufferDoNotHideADeparture(way: Way) throws {
        let stage = try stage(grace: .milliseconds(10))
        let peer = try stage.peer()
        try peer.send(Self.later)
        _ = try stage.player.next()
        try peer.send(String(repeating: Self.next, count: 240_000 / Self.next.utf8.count))
        way.leave(peer)
        #expect(stage.player.left.wait())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    @Test func requestsBehindAHeldOneAreAnsweredAfterIt() throws {
        let stage = try stage(grace: .seconds(600))
        let peer = try stage.peer()
        let count = 240_000 / Self.next.utf8.count
        try peer.send(Self.later)
        let exchange = try stage.player.next()
        try peer.send(String(repeating: Self.next, count: count))
        #expect(eventually { stage.server.figures.keptInputBytes >= count * Self.next.utf8.count })
        exchange.respond(Response(status: 204))
        try expectEqual(peer.answer().status, 204)
        for _ in 0..<count { try #require(try peer.answer().body == "/next") }
        #expect(eventually { stage.server.figures.keptInputBytes == 0 })
    }

    @Test func peerThatEndsItsSendingSeesTheEndOfItsConnection() throws {
        let stage = try stage(grace: .milliseconds(10))
        let peer = try stage.peer()
        try peer.send(Self.later)
        _ = try stage.player.next()
        peer.shutdownWrite()
        #expect(try peer.isEnded())
    }

    @Test func answersBeforeTheAbandonedOneAreSent() throws {
        let stage = try Stage {
            $0.departureGrace = .milliseconds(10)
            // So that all requests are read before the first answer is.
            $0.unsentBytesMax = 64 << 20
        }
        let peer = try stage.peer(receiveBytes: 4096)
        let count = 16
        let big = "GET /big HTTP/1.1\r\nHost: a\r\n\r\n"
        try peer.send(String(repeating: big, count: count) + Self.later)
        _ = try stage.player.next()
        peer.shutdownWrite()
        #expect(stage.player.left.wait())
        for _ in 0..<count { try expectEqual(peer.answer().body.utf8.count, 1 << 20) }
        #expect(try peer.isEnded())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    // MARK: Answered

    @Test(arguments: [false, true])
    func immediateAnswerIsSentAfterAHalfClose(unix: Bool) throws {
        let stage = try stage(grace: .zero, unix: unix)
        let peer = try stage.peer()
        try peer.send(String(repeating: Self.next, count: 16))
        peer.shutdownWrite()
        for _ in 0..<16 { try expectEqual(peer.answer().body, "/next") }
        #expect(try peer.isEnded())
    }

    @Test func answerWithinTheGraceIsSent() throws {
        let stage = try stage(grace: .seconds(600))
        let peer = try stage.peer()
        try peer.send(Self.next + Self.later + Self.later + Self.next)
        peer.shutdownWrite()
        for body in ["one", "two"] {
            let exchange = try stage.player.next()
            exchange.respond(Response(status: 200, body: Array(body.utf8)))
        }
        for body in ["/next", "one", "two", "/next"] { try expectEqual(peer.answer().body, body) }
        #expect(try peer.isEnded())
    }

    @Test func streamThatEndsWithinTheGraceIsComplete() throws {
        let stage = try stage(grace: .seconds(600))
        let peer = try stage.peer()
        try peer.send(Self.later)
        peer.shutdownWrite()
        let exchange = try stage.player.next()
        exchange.beginStream(Self.head)
        exchange.send { _ in Content(Array("one".utf8)) }
        exchange.endStream()
        #expect(try peer.rest().hasSuffix("\r\n\r\n3\r\none\r\n0\r\n\r\n"))
    }
}
