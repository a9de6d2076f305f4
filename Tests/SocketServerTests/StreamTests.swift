// Tests streamed answers: their form, their reader's pace, and their end from either side.

import Glibc
import HTTPWire
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct StreamTests {
    private static let head = Response(
        status: 200, fields: [Field(name: "Content-Type", value: "text/plain")])
    private static let ask = "GET /later HTTP/1.1\r\nHost: a\r\n\r\n"

    /// A peer that has sent its request, and the exchange that answers it, started.
    private func stream(
        on stage: Stage, _ request: String = ask, receiveBytes: Int32 = 0
    ) throws -> (Peer, Exchange) {
        let peer = try stage.peer(receiveBytes: receiveBytes)
        try peer.send(request)
        let exchange = try stage.player.next()
        exchange.beginStream(Self.head)
        return (peer, exchange)
    }

    private func piece(_ text: String) -> @Sendable (Content?) -> Content {
        { _ in Content(Array(text.utf8)) }
    }

    @Test func piecesAreChunksAndTheConnectionPersists() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage)
        let head = try peer.text(through: "\r\n\r\n")
        #expect(head.contains("Transfer-Encoding: chunked\r\n"))
        #expect(!head.contains("Content-Length"))
        #expect(!head.contains("Connection"))
        exchange.send(piece("one"))
        try expectEqual(peer.text(through: "one\r\n"), "3\r\none\r\n")
        exchange.send(piece(""))
        exchange.send(piece(String(repeating: "x", count: 26)))
        #expect(try peer.text(through: "x\r\n").hasPrefix("1a\r\nxx"))
        exchange.endStream()
        try expectEqual(peer.text(through: "0\r\n\r\n"), "0\r\n\r\n")
        try peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/next")
    }

    @Test func oldPeerGetsPiecesAsTheyAreUpToTheClose() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(
            on: stage, "GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        exchange.send(piece("one"))
        exchange.send(piece("two"))
        exchange.endStream()
        let text = try peer.rest()
        #expect(text.contains("Connection: close\r\n"))
        #expect(!text.contains("Transfer-Encoding"))
        #expect(text.hasSuffix("\r\n\r\nonetwo"))
    }

    @Test func headIsAnsweredWithTheHeadOnly() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage, "HEAD /later HTTP/1.1\r\nHost: a\r\n\r\n")
        exchange.send(piece("one"))
        exchange.endStream()
        try expectEqual(peer.answer(toHead: true).fields["transfer-encoding"], "chunked")
        try peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/next")
    }

    @Test func requestBehindAStreamIsAnsweredAfterIt() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(
            on: stage, Self.ask + "GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        exchange.send(piece("one"))
        _ = try peer.text(through: "one\r\n")
        exchange.endStream()
        _ = try peer.text(through: "0\r\n\r\n")
        try expectEqual(peer.answer().body, "/next")
    }

    @Test func piecesAfterTheEndAreIgnored() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage)
        exchange.endStream()
        exchange.send(piece("late"))
        exchange.endStream()
        exchange.respond(Response(status: 500))
        exchange.beginStream(Self.head)
        _ = try peer.text(through: "0\r\n\r\n")
        try peer.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/next")
    }

    // MARK: Silence

    @Test func silentStreamSendsHeartbeats() throws {
        let stage = try Stage {
            $0.heartbeat = Array(":\n".utf8)
            $0.heartbeatInterval = .milliseconds(50)
        }
        let (peer, exchange) = try stream(on: stage)
        _ = try peer.text(through: "2\r\n:\n\r\n")
        try expectEqual(peer.text(through: "2\r\n:\n\r\n"), "2\r\n:\n\r\n")
        exchange.send(piece("one"))
        _ = try peer.text(through: "3\r\none\r\n")
        _ = try peer.text(through: "2\r\n:\n\r\n")
    }

    @Test func heartbeatDetectsADepartedPeer() throws {
        let stage = try Stage {
            $0.heartbeat = Array(":\n".utf8)
            $0.heartbeatInterval = .milliseconds(50)
        }
        let (peer, _) = try stream(on: stage)
        _ = try peer.text(through: "\r\n\r\n")
        peer.close()
        #expect(stage.player.left.wait())
        #expect(eventually { stage.server.connectionCount == 0 })
    }

    /// A Unix socket reports what its peer has not read, so a reader that stops is noticed before any
    /// buffer is full. Over TCP the same figure is that of a peer that is cut off.
    @Test func idleReaderIsDroppedEvenIfTheKernelTakesAll() throws {
        let path = "/tmp/status-proxy-stream-\(UInt32.random(in: .min ... .max)).socket"
        let stage = try Stage("unix:\(path)") {
            $0.heartbeat = Array(":\n".utf8)
            $0.heartbeatInterval = .milliseconds(50)
            $0.writeTimeout = .milliseconds(300)
        }
        let (peer, _) = try stream(on: stage)
        #expect(stage.player.left.wait())
        withExtendedLifetime(peer) {}
    }

    @Test func idleReaderIsDroppedEvenIfPiecesKeepComing() throws {
        let path = "/tmp/status-proxy-stream-\(UInt32.random(in: .min ... .max)).socket"
        let stage = try Stage("unix:\(path)") {
            $0.heartbeat = Array(":\n".utf8)
            $0.heartbeatInterval = .seconds(60)
            $0.writeTimeout = .milliseconds(300)
        }
        let (peer, exchange) = try stream(on: stage)
        // Fewer than would fill a buffer.
        for _ in 0..<100 {
            exchange.send(piece("one"))
            letPass(.milliseconds(10))
        }
        #expect(stage.player.left.wait())
        withExtendedLifetime(peer) {}
    }

    @Test func readerThatTakesEveryPieceIsKeptForTheWholeStream() throws {
        let path = "/tmp/status-proxy-stream-\(UInt32.random(in: .min ... .max)).socket"
        let stage = try Stage("unix:\(path)") { $0.writeTimeout = .seconds(5) }
        let (peer, exchange) = try stream(on: stage)
        for number in 0..<60 {
            exchange.send(piece("<\(number)>"))
            _ = try peer.text(through: "<\(number)>")
            letPass(.milliseconds(100))
        }
        exchange.endStream()
        try expectEqual(peer.text(through: "0\r\n\r\n"), "\r\n0\r\n\r\n")
    }

    // MARK: Slow readers

    @Test func slowReaderGetsTheNewestPieceAndTheEnd() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage, receiveBytes: 4096)
        let count = 64
        for number in 0..<count {
            exchange.send { _ in
                Content(
                    [UInt8(ascii: "a") + UInt8(number % 26)]
                        + Array(repeating: 0x2E, count: 1 << 20))
            }
        }
        exchange.send(piece("newest"))
        exchange.endStream()
        let text = try peer.rest(through: "0\r\n\r\n")
        #expect(text.hasSuffix("\r\n6\r\nnewest\r\n0\r\n\r\n"))
        // Only what the kernel accepts goes out; the rest was never buffered.
        let whole = text.utf8.count / (1 << 20)
        #expect(whole < count / 2, "\(whole) pieces")
    }

    @Test func slowReaderGetsTheNewestPieceOfEachSubject() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage, receiveBytes: 4096)
        for _ in 0..<16 { exchange.send { _ in Content(Array(repeating: 0x2E, count: 1 << 20)) } }
        exchange.send(on: 1, piece("one"))
        exchange.send(on: 2, piece("two"))
        exchange.send(on: 1) { unsent in
            Content(Array("instead of ".utf8) + (unsent?.bytes ?? []))
        }
        exchange.endStream()
        let text = try peer.rest(through: "0\r\n\r\n")
        #expect(text.hasSuffix("\r\ne\r\ninstead of one\r\n3\r\ntwo\r\n0\r\n\r\n"))
    }

    @Test func readerThatTakesNothingForTheWriteTimeoutIsDropped() throws {
        let stage = try Stage { $0.writeTimeout = .milliseconds(200) }
        let (peer, exchange) = try stream(on: stage, receiveBytes: 4096)
        for _ in 0..<64 { exchange.send { _ in Content(Array(repeating: 0x2E, count: 1 << 20)) } }
        #expect(stage.player.left.wait())
        withExtendedLifetime(peer) {}
    }

    /// The peer's kernel has room for more bytes long before the server's reports room again.
    @Test func readerThatTakesALittleAtATimeIsNotDropped() throws {
        let stage = try Stage { $0.writeTimeout = .seconds(2) }
        let peer = try stage.peer(receiveBytes: 4096)
        for _ in 0..<8 { try peer.send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n") }
        var taken = 0
        while taken < 4 << 20 {
            let bytes = try peer.receiveOnce(atMost: 48 << 10)
            try #require(!bytes.isEmpty, "dropped after \(taken) bytes")
            taken += bytes.count
            letPass(.milliseconds(26))
        }
    }

    // MARK: The end

    @Test func streamContinuesWhileDrainingAndThenTheConnectionCloses() throws {
        let stage = try Stage()
        let (peer, exchange) = try stream(on: stage)
        _ = try peer.text(through: "\r\n\r\n")
        let idle = Signal()
        stage.server.stopAccepting()
        stage.server.whenIdle { idle.fire() }
        exchange.send(piece("last"))
        exchange.endStream()
        try expectEqual(peer.rest(), "4\r\nlast\r\n0\r\n\r\n")
        peer.close()
        #expect(idle.wait())
    }

    @Test func stoppedServerAbandonsItsStreams() throws {
        let stage = try Stage()
        let (peer, _) = try stream(on: stage)
        _ = try peer.text(through: "\r\n\r\n")
        let stopped = Signal()
        stage.server.stop { stopped.fire() }
        #expect(stopped.wait())
        #expect(stage.player.left.wait())
        #expect(try peer.isEnded())
    }
}
