// Tests the server over real sockets with a well-behaved peer.

import Glibc
import HTTPWire
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
struct ServerTests {
    @Test func requestIsAnsweredAndTheConnectionPersists() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        for target in ["/one", "/two?x=1"] {
            try peer.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try peer.answer()
            expectEqual(answer.status, 200)
            expectEqual(answer.body, target)
            #expect(answer.fields["connection"] == nil)
            expectEqual(answer.fields["date"]?.hasSuffix(" GMT"), true)
        }
        expectEqual(stage.server.connectionCount, 1)
    }

    @Test func sixteenPipelinedRequestsAreAnsweredInOneWrite() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        let requests = (0..<16).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }
        try peer.send(requests.joined())
        // On loopback one send arrives as one segment, so the first read returns all of it.
        let first = try peer.receiveOnce()
        var position = 0
        for number in 0..<16 {
            let (answer, count) = try #require(
                Answer.parse(Array(first[position...]), toHead: false))
            expectEqual(answer.body, "/\(number)")
            position += count
        }
        expectEqual(position, first.count)
    }

    @Test func byteByByteEqualsWhole() throws {
        let stage = try Stage { $0.collectsBodies = true }
        let peer = try stage.peer()
        let request = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for byte in Array((request + "3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n").utf8) {
            try peer.send([byte])
        }
        try expectEqual(peer.answer().body, "abcde")
    }

    @Test func contentIsDroppedUnlessCollected() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        try expectEqual(peer.answer().body, "")
    }

    @Test func expectedContinueIsSent() throws {
        let stage = try Stage { $0.collectsBodies = true }
        let peer = try stage.peer()
        try peer.send(
            "POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        try expectEqual(peer.answer().status, 100)
        try peer.send("abc")
        try expectEqual(peer.answer().body, "abc")
    }

    @Test func handlerThatForgetsToAnswerGives500() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().status, 500)
    }

    // MARK: Later answers

    @Test func laterAnswersComeInOrder() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\nGET /now HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try stage.player.next()
        exchange.respond(Response(status: 200, body: Array("then".utf8)))
        exchange.respond(Response(status: 500))
        try expectEqual(peer.answer().body, "then")
        try expectEqual(peer.answer().body, "/now")
    }

    @Test func exchangeOfADepartedPeerIsAbandoned() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        let exchange = try stage.player.next()
        peer.reset()
        #expect(stage.player.left.wait())
        exchange.respond(Response(status: 200))
        expectEqual(stage.server.connectionCount, 0)
    }

    @Test func exchangeCanEndInAReset() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        try stage.player.next().reset()
        let trouble = #expect(throws: Peer.Trouble.self) { try peer.receiveOnce() }
        expectEqual(trouble?.number, ECONNRESET)
    }

}
