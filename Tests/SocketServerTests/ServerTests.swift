// The server over real sockets: what a well-behaved peer sees.

import HTTPWire
import SocketServer
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ServerTests {
    @Test func requestIsAnsweredAndTheConnectionLivesOn() throws {
        let stage = try Stage()
        let peer = try stage.peer()
        for target in ["/one", "/two?x=1"] {
            try peer.send("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try peer.answer()
            #expect(answer.status == 200)
            #expect(answer.body == target)
            #expect(answer.fields["connection"] == nil)
            #expect(answer.fields["date"]?.hasSuffix(" GMT") == true)
        }
        #expect(stage.server.connectionCount == 1)
    }
}
