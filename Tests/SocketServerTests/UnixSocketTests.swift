// Serving on a path: what happens to the file, before, during and after.

import Foundation
import HTTPWire
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
final class UnixSocketTests {
    private let path = "/tmp/http-\(UUID().uuidString.prefix(8)).sock"

    deinit { unlink(path) }

    @Test func requestsAreServedByAllLoopsAndTheFileGoesWithTheServer() throws {
        do {
            let stage = try Stage("unix:\(path)")
            #expect(stage.server.address.description == "unix:\(path)")
            for _ in 0..<4 {
                let peer = try stage.peer()
                try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try peer.answer().body == "/a")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: [nil, 0o600, 0o660, 0o666, 0o777] as [UInt32?])
    func fileHasTheModeThatIsSet(mode: UInt32?) throws {
        let stage = try Stage("unix:\(path)") { if let mode { $0.fileMode = mode } }
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o7777 == mode ?? 0o660)
        withExtendedLifetime(stage) {}
    }

    @Test func peerThatClosesIsGone() throws {
        let stage = try Stage("unix:\(path)")
        let peer = try stage.peer()
        try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try stage.player.next()
        peer.close()
        #expect(stage.player.left.wait())
    }

    @Test func staleFileIsReplaced() throws {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        #expect(code == 0)
        close(number)
        let stage = try Stage("unix:\(path)")
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try peer.answer().body == "/a")
    }

    @Test func socketInUseIsLeftAlone() throws {
        let stage = try Stage("unix:\(path)")
        #expect(throws: SocketFailure.pathTaken(path)) { try Stage("unix:\(path)") }
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try peer.answer().body == "/a")
    }

    @Test func fileThatIsNoSocketIsLeftAlone() throws {
        try Data("text".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: SocketFailure.pathTaken(path)) { try Stage("unix:\(path)") }
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func pathThatIsTooLongIsRefused() {
        let long = "/tmp/" + String(repeating: "a", count: 200)
        #expect(throws: SocketFailure.pathUnusable(long)) { try Stage("unix:\(long)") }
    }
}
