// Tests serving on a path: what happens to the file before, during and after.

import Foundation
import HTTPWire
import Locking
import SocketServer
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(1)))
final class UnixSocketTests {
    private let path = "/tmp/http-\(UUID().uuidString.prefix(8)).sock"

    deinit { unlink(path) }

    @Test func allLoopsServeRequestsAndTheFileIsRemovedAtTheEnd() throws {
        do {
            let stage = try Stage("unix:\(path)")
            expectEqual(stage.server.address.description, "unix:\(path)")
            for _ in 0..<4 {
                let peer = try stage.peer()
                try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
                try expectEqual(peer.answer().body, "/a")
                try peer.send("GET /peer HTTP/1.1\r\nHost: a\r\n\r\n")
                try expectEqual(peer.answer().body, "unix unix")
            }
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test(arguments: [nil, 0o600, 0o660, 0o666, 0o777] as [UInt32?])
    func fileHasTheModeThatIsSet(mode: UInt32?) throws {
        let stage = try Stage("unix:\(path)") { if let mode { $0.fileMode = mode } }
        var status = stat()
        expectEqual(stat(path, &status), 0)
        expectEqual(status.st_mode & 0o7777, mode ?? 0o660)
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

    /// A socket at the path on which no process listens.
    private func bindSocket() throws -> Int32 {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(number, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(code == 0)
        return number
    }

    @Test func staleFileIsReplaced() throws {
        close(try bindSocket())
        let stage = try Stage("unix:\(path)")
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/a")
    }

    @Test func socketInUseIsLeftAlone() throws {
        let stage = try Stage("unix:\(path)")
        #expect(throws: SocketFailure.pathTaken(path)) { try Stage("unix:\(path)") }
        let peer = try stage.peer()
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/a")
    }

    /// As another service does that starts at the same time.
    @Test func socketThatDoesNotListenYetIsNoStaleFile() throws {
        let folder = open("/tmp", O_RDONLY | O_DIRECTORY)
        defer { close(folder) }
        try #require(flock(folder, LOCK_EX) == 0)
        let other = try bindSocket()
        defer { close(other) }
        let path = path
        let isOver = Signal()
        let failure = Guarded<SocketFailure?>(nil)
        Thread.detachNewThread {
            do throws(SocketFailure) {
                _ = try Server(
                    ServerConfiguration(host: "unix:\(path)", loops: 1), handler: Player())
            } catch {
                failure.withLock { $0 = error }
            }
            isOver.fire()
        }
        #expect(!isOver.wait(milliseconds: 50))
        expectEqual(listen(other, 1), 0)
        flock(folder, LOCK_UN)
        #expect(isOver.wait())
        expectEqual(failure.withLock { $0 }, .pathTaken(path))
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
