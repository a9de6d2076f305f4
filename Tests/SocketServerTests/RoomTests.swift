// Tests the connection limit: who makes room, who is answered without a place, and who is not.

import HTTPWire
import Locking
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct RoomTests {
    private static func request(_ target: String) -> String {
        "GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n"
    }

    private func ask(_ peer: Peer, _ target: String) throws -> Answer {
        try peer.send(Self.request(target))
        return try peer.answer()
    }

    /// A new connection's request, and its answer.
    private func newcomer(on stage: Stage, _ target: String) throws -> (Peer, Answer) {
        let peer = try stage.peer()
        return (peer, try ask(peer, target))
    }

    /// That many peers whose requests are held.
    private func busy(_ count: Int, on stage: Stage) throws -> [(peer: Peer, exchange: Exchange)] {
        try (0..<count).map { _ in
            let peer = try stage.peer()
            try peer.send(Self.request("/later"))
            return (peer, try stage.player.next())
        }
    }

    // MARK: Idle connections

    @Test(arguments: [1, 2, 4])
    func longestIdleConnectionIsReplaced(loops: Int) throws {
        let stage = try Stage {
            $0.loops = loops
            $0.connectionsMax = 6
        }
        let peers = try (0..<6).map { number in
            let peer = try stage.peer()
            try expectEqual(ask(peer, "/\(number)").status, 200)
            return peer
        }
        // Now the second one has been idle longest.
        try expectEqual(ask(peers[0], "/again").status, 200)
        let (first, answer) = try newcomer(on: stage, "/new")
        expectEqual(answer.body, "/new")
        #expect(answer.fields["connection"] == nil)
        #expect(try peers[1].isEnded())
        let (second, _) = try newcomer(on: stage, "/new")
        #expect(try peers[2].isEnded())
        for peer in [peers[0], peers[3], peers[4], peers[5], first, second] {
            try expectEqual(ask(peer, "/here").body, "/here")
        }
        expectEqual(stage.server.connectionCount, 6)
    }

    @Test func thousandNewcomersReplaceIdleConnections() throws {
        let refused = Guarded<[ConnectionRefusal]>([])
        let stage = try Stage {
            $0.connectionsMax = 20
            $0.connectionRefusedHandler = { reason in refused.withLock { $0.append(reason) } }
        }
        var peers: [Peer] = []
        for number in 0..<1000 {
            let (peer, answer) = try newcomer(on: stage, "/\(number)")
            try #require(answer.body == "/\(number)")
            peers.append(peer)
            guard peers.count > 20 else { continue }
            // The oldest one has made room.
            try #require(try peers.removeFirst().isEnded())
        }
        expectEqual(stage.server.connectionCount, 20)
        expectEqual(refused.withLock { $0 }, [])
    }

    @Test func newConnectionWithoutARequestIsSpared() throws {
        let stage = try Stage {
            $0.connectionsMax = 1
            $0.firstRequestGrace = .seconds(600)
        }
        let silent = try stage.peer()
        #expect(eventually { stage.server.connectionCount == 1 })
        let (_, answer) = try newcomer(on: stage, "/new")
        expectEqual(answer.status, 503)
        try expectEqual(ask(silent, "/first").body, "/first")
    }

    @Test func silentConnectionIsReplacedInTheEnd() throws {
        let stage = try Stage {
            $0.connectionsMax = 1
            $0.firstRequestGrace = .milliseconds(20)
        }
        let silent = try stage.peer()
        #expect(eventually { stage.server.connectionCount == 1 })
        let isServed = eventually {
            guard let (_, answer) = try? newcomer(on: stage, "/new") else { return false }
            return answer.status == 200
        }
        #expect(isServed)
        #expect(try silent.isEnded())
    }

    /// The loop is busy while the request arrives, and then sees the new connection first.
    @Test func requestThatHasJustArrivedIsAnsweredBeforeItsConnectionIsReplaced() throws {
        let stage = try Stage {
            $0.loops = 1
            $0.connectionsMax = 2
        }
        let idle = try stage.peer()
        try expectEqual(ask(idle, "/a").body, "/a")
        let (other, exchange) = try #require(try busy(1, on: stage).first)
        let isBusy = Signal()
        let goOn = Signal()
        exchange.respond { writer in
            isBusy.fire()
            _ = goOn.wait()
            writer.write(Response(status: 204))
        }
        try #require(isBusy.wait())
        let newcomer = try stage.peer()
        try newcomer.send(Self.request("/new"))
        try idle.send(Self.request("/b"))
        goOn.fire()
        try expectEqual(idle.answer().body, "/b")
        try expectEqual(newcomer.answer().body, "/new")
        try expectEqual(other.answer().status, 204)
    }

    // MARK: Busy connections

    @Test(arguments: [1, 2])
    func busyConnectionsAreNotReplaced(loops: Int) throws {
        let refused = Guarded<[ConnectionRefusal]>([])
        let stage = try Stage {
            $0.loops = loops
            $0.connectionsMax = 3
            $0.firstRequestGrace = .seconds(600)
            $0.connectionRefusedHandler = { reason in refused.withLock { $0.append(reason) } }
        }
        let inside = try busy(3, on: stage)
        for _ in 0..<3 {
            let (peer, answer) = try newcomer(on: stage, "/new")
            expectEqual(answer.status, 503)
            expectEqual(answer.fields["connection"], "close")
            #expect(try peer.isEnded())
        }
        expectEqual(refused.withLock { $0 }, [.overLimit, .overLimit, .overLimit])
        expectEqual(stage.server.connectionCount, 3)
        // A connection is idle once it is answered.
        inside[1].exchange.respond(Response(status: 204))
        try expectEqual(inside[1].peer.answer().status, 204)
        let isServed = eventually {
            guard let (_, answer) = try? newcomer(on: stage, "/new") else { return false }
            return answer.status == 200
        }
        #expect(isServed)
        #expect(try inside[1].peer.isEnded())
        for (peer, exchange) in [inside[0], inside[2]] {
            exchange.respond(Response(status: 204))
            try expectEqual(peer.answer().status, 204)
        }
    }

    @Test func healthCheckIsAnsweredByAFullServer() throws {
        let refused = Guarded<[ConnectionRefusal]>([])
        let stage = try Stage {
            $0.connectionsMax = 2
            $0.firstRequestGrace = .seconds(600)
            $0.connectionRefusedHandler = { reason in refused.withLock { $0.append(reason) } }
        }
        let inside = try busy(2, on: stage)
        for _ in 0..<300 {
            let (peer, answer) = try newcomer(on: stage, "/health")
            try #require(answer.status == 200)
            expectEqual(answer.fields["connection"], "close")
            #expect(try peer.isEnded())
        }
        expectEqual(refused.withLock { $0 }, [])
        expectEqual(stage.server.connectionCount, 2)
        withExtendedLifetime(inside) {}
    }

    @Test func silentNewcomerGets503() throws {
        let stage = try Stage {
            $0.connectionsMax = 1
            $0.firstRequestGrace = .milliseconds(20)
        }
        let inside = try busy(1, on: stage)
        let silent = try stage.peer()
        try expectEqual(silent.answer().status, 503)
        #expect(try silent.isEnded())
        withExtendedLifetime(inside) {}
    }

    /// More than the reserve holds: peers that send nothing, that stop inside a head, and that keep
    /// their connection open after their 503.
    @Test(arguments: ["", "GET /new HTTP/1.1\r\nHos", "GET /new HTTP/1.1\r\nHost: a\r\n\r\n"])
    func crowdWithoutPlacesDoesNotBlockHealthChecks(words: String) throws {
        let refused = Guarded<[ConnectionRefusal]>([])
        let stage = try Stage {
            $0.connectionsMax = 1
            $0.firstRequestGrace = .seconds(600)
            $0.headerTimeout = .seconds(600)
            $0.lingerTimeout = .seconds(600)
            $0.connectionRefusedHandler = { reason in refused.withLock { $0.append(reason) } }
        }
        let inside = try busy(1, on: stage)
        let crowd = try (0..<300).map { _ in
            let peer = try stage.peer()
            try peer.send(words)
            return peer
        }
        // Which of them are refused by now depends on the kernel's order; two reserves hold 128.
        #expect(eventually { refused.withLock { $0.count } >= 300 - 128 })
        try expectEqual(newcomer(on: stage, "/health").1.status, 200)
        expectEqual(stage.server.connectionCount, 1)
        withExtendedLifetime((inside, crowd)) {}
    }
}
