// Tests the shutdown of a server: no request is lost.

import HTTPWire
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct DrainTests {
    @Test func requestUnderWayIsAnsweredWithACloseAndThenTheServerIsIdle() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try stage.player.next()
        let idle = Signal()
        stage.server.whenIdle { idle.fire() }
        stage.server.stopAccepting()
        exchange.respond(Response(status: 200, body: Array("x".utf8)))
        let answer = try peer.answer()
        expectEqual(answer.body, "x")
        expectEqual(answer.fields["connection"], "close")
        #expect(try peer.isEnded())
        peer.close()
        #expect(idle.wait())
        expectEqual(stage.server.connectionCount, 0)
    }

    @Test func connectionBetweenRequestsIsClosed() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try peer.answer()
        stage.server.stopAccepting()
        #expect(try peer.isEnded())
    }

    @Test func newConnectionsAreRefusedByTheKernel() throws {
        let stage = try Stage()
        let idle = Signal()
        stage.server.stopAccepting()
        stage.server.whenIdle { idle.fire() }
        #expect(idle.wait())
        #expect(throws: Peer.Trouble.self) { try stage.peer() }
    }

    @Test func connectionThatWaitsInTheKernelIsServed() throws {
        // Not started yet, so the connection and its request stay in the listener's queue.
        let player = Player()
        let server = try Server(ServerConfiguration(loops: 2), handler: player)
        let peers = try (0..<8).map { _ in try Peer(server.address) }
        for peer in peers { try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n") }
        server.start()
        server.stopAccepting()
        for peer in peers {
            try expectEqual(peer.answer().body, "/a")
        }
        let stopped = Signal()
        server.stop { stopped.fire() }
        #expect(stopped.wait())
    }

    @Test func requestUnderWayIsAbandonedByAStop() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try stage.player.next()
        let stopped = Signal()
        stage.server.stop { stopped.fire() }
        #expect(stopped.wait())
        #expect(stage.player.left.wait())
        expectEqual(stage.server.connectionCount, 0)
    }

    @Test func serverThatWasNeverStartedStops() throws {
        let server = try Server(ServerConfiguration(loops: 2), handler: Player())
        let stopped = Signal()
        server.stop { stopped.fire() }
        #expect(stopped.wait())
    }

    @Test func stoppedServerStopsAgainAndIgnoresLateAnswers() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try stage.player.next()
        for _ in 0..<2 {
            let stopped = Signal()
            stage.server.stop { stopped.fire() }
            #expect(stopped.wait())
            exchange.respond(Response(status: 200))
        }
        #expect(try peer.isEnded())
    }

    @Test func serverThatServedNothingIsIdleAtOnce() throws {
        let stage = try Stage()
        let idle = Signal()
        stage.server.whenIdle { idle.fire() }
        stage.server.stopAccepting()
        #expect(idle.wait())
    }
}
