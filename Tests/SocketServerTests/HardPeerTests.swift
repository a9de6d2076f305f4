// Tests the server with peers that are slow, many, or gone.

import Glibc
import HTTPWire
import Locking
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct HardPeerTests {
    @Test func headThatTakesTooLongGets408() throws {
        let stage = try Stage { $0.headerTimeout = .milliseconds(100) }
        let peer = try stage.peer()
        try peer.send("GET / HTTP/1.1\r\nHos")
        let answer = try peer.answer()
        expectEqual(answer.status, 408)
        expectEqual(answer.fields["connection"], "close")
        #expect(try peer.isEnded())
    }

    @Test func contentThatTakesTooLongGets408() throws {
        let stage = try Stage { $0.bodyTimeout = .milliseconds(100) }
        let peer = try stage.peer()
        try peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na")
        try expectEqual(peer.answer().status, 408)
        #expect(try peer.isEnded())
    }

    @Test func idleConnectionEndsInSilence() throws {
        let stage = try Stage { $0.idleTimeout = .seconds(1) }
        let fresh = try stage.peer()
        let used = try stage.peer()
        try used.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(used.answer().status, 200)
        #expect(try used.isEnded())
        #expect(try fresh.isEnded())
    }

    /// The loop is busy while the time runs out and a request arrives; the timer runs first.
    @Test func requestThatBeatsTheIdleTimerKeepsItsConnection() throws {
        let stage = try Stage {
            $0.loops = 1
            $0.idleTimeout = .seconds(1)
        }
        let peer = try stage.peer()
        let other = try stage.peer()
        try other.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try stage.player.next()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/a")
        let isBusy = Signal()
        let goOn = Signal()
        exchange.respond { writer in
            isBusy.fire()
            _ = goOn.wait()
            writer.write(Response(status: 204))
        }
        try #require(isBusy.wait())
        letPass(.milliseconds(1300))
        try peer.send("GET /b HTTP/1.1\r\nHost: a\r\n\r\n")
        goOn.fire()
        let answer = try peer.answer()
        expectEqual(answer.body, "/b")
        #expect(answer.fields["connection"] == nil)
        try peer.send("GET /c HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/c")
    }

    @Test func placeOfAClosedConnectionIsFree() throws {
        let stage = try Stage { $0.connectionsMax = 1 }
        for round in 0..<20 {
            let peer = try stage.peer()
            try peer.send("GET /\(round) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try expectEqual(peer.answer().body, "/\(round)")
            #expect(try peer.isEnded())
            peer.close()
            // Once the place is free, the server has seen the end.
            try #require(eventually { stage.server.connectionCount == 0 })
        }
    }

    @Test func resetInsideARequestHarmsNobody() throws {
        let stage = try Stage()
        let other = try stage.peer()
        for part in ["GET", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab"] {
            let peer = try stage.peer()
            try peer.send(part)
            peer.reset()
        }
        try other.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(other.answer().body, "/a")
        #expect(eventually { stage.server.connectionCount == 1 })
    }

    @Test func inputThatEndsInsideARequestGets400() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET / HTTP/1.1\r\n")
        peer.shutdownWrite()
        try expectEqual(peer.answer().status, 400)
        #expect(try peer.isEnded())
    }

    @Test func slowReaderOfALargeBurstGetsAllOfItWhileOthersAreServed() throws {
        let stage = try Stage()
        let slow = try stage.peer(receiveBytes: 4096)
        let requests = (0..<40).map { _ in "GET /big HTTP/1.1\r\nHost: a\r\n\r\n" }
        try slow.send(requests.joined() + "GET /end HTTP/1.1\r\nHost: a\r\n\r\n")
        let other = try stage.peer()
        try other.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(other.answer().body, "/a")
        for _ in 0..<40 {
            try expectEqual(slow.answer().body.utf8.count, 1 << 20)
        }
        try expectEqual(slow.answer().body, "/end")
    }

    @Test func readerThatStopsIsDropped() throws {
        let stage = try Stage { $0.writeTimeout = .seconds(1) }
        let peer = try stage.peer(receiveBytes: 4096)
        try peer.send(
            (0..<20).map { _ in "GET /big HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
        #expect(eventually { stage.server.connectionCount == 1 })
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    @Test func stoppedReadersKeepNoMoreThanTheBound() throws {
        let stage = try Stage { $0.keptBytesMax = 32 << 20 }
        func large() -> Response {
            Response(status: 200, body: Array(repeating: 0x78, count: 16 << 20))
        }
        for _ in 0..<3 {
            let stopped = try (0..<6).map { _ in
                let peer = try stage.peer(receiveBytes: 4096)
                try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
                return peer
            }
            for _ in stopped { try stage.player.next().respond(large()) }
            // An answer counts as a whole, whatever part of it the kernel has accepted.
            #expect(eventually { (1...2).contains(stage.server.connectionCount) })
            #expect(stage.server.figures.keptOutputBytes <= 32 << 20)
            let other = try stage.peer()
            try other.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            try expectEqual(other.answer().body, "/a")
            other.close()
            for peer in stopped { peer.reset() }
            #expect(eventually { stage.server.connectionCount == 0 })
        }
    }

    @Test func refusalArrivesEvenIfThePeerKeepsSending() throws {
        let stage = try Stage { $0.lingerTimeout = .seconds(5) }
        let peer = try stage.peer()
        try peer.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        try peer.send([UInt8](repeating: 0x78, count: 100_000))
        try expectEqual(peer.answer().status, 413)
        #expect(try peer.isEnded())
    }

    @Test func floodOfConnectionsPasses() throws {
        let refused = Guarded<[ConnectionRefusal]>([])
        let stage = try Stage {
            $0.connectionsMax = 50
            $0.connectionRefusedHandler = { reason in refused.withLock { $0.append(reason) } }
        }
        let inside = try (0..<50).map { _ in
            let peer = try stage.peer()
            try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try stage.player.next()
            return peer
        }
        let flood = try (0..<250).map { _ in
            let peer = try stage.peer()
            try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
            return peer
        }
        #expect(eventually { refused.withLock { $0.count } == 250 })
        expectEqual(stage.server.connectionCount, 50)
        for peer in inside + flood { peer.close() }
        #expect(eventually { stage.server.connectionCount == 0 })
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/a")
    }
}
