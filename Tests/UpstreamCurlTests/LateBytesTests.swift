// Tests what must not happen after a call: bytes that arrive late, and an answer that looks younger
// than it is or older than its request.

import CCurl
import Dispatch
import Glibc
import Locking
import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

@Suite(.blocking, .timeLimit(.minutes(1)))
struct LateBytesTests {
    /// The two ends of a TCP connection over loopback.
    private func connection() -> (ours: Int32, theirs: Int32) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let port = LoopbackServer.listenOnLoopback(listener)
        defer { close(listener) }
        return (LoopbackServer.connectToLoopback(port), accept(listener, nil, nil))
    }

    private func readToTheEnd(_ socket: Int32) -> Int32 {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = read(socket, &bytes, bytes.count)
            if count == 0 { return 0 }
            if count < 0 { return errno }
        }
    }

    @Test func bytesThatWereNotTakenAreDroppedWhenTheSocketIsClosed() throws {
        let (ours, theirs) = connection()
        defer { close(theirs) }
        let flags = fcntl(ours, F_GETFL)
        try #require(fcntl(ours, F_SETFL, flags | O_NONBLOCK) == 0)
        let bytes = [UInt8](repeating: 1, count: 1 << 20)
        while write(ours, bytes, bytes.count) > 0 {}
        expectEqual(door_socket_close(nil, ours), 0)
        expectEqual(readToTheEnd(theirs), ECONNRESET)
    }

    @Test func aSocketWithoutUnsentBytesIsClosedInOrder() throws {
        let (ours, theirs) = connection()
        defer { close(theirs) }
        expectEqual(write(ours, [1, 2, 3], 3), 3)
        var bytes = [UInt8](repeating: 0, count: 3)
        expectEqual(read(theirs, &bytes, 3), 3)
        // The peer's kernel has them by now; its acknowledgement may take a moment more.
        var pending: Int32 = 1
        while pending > 0 { try #require(ioctl(ours, UInt(TIOCOUTQ), &pending) == 0) }
        expectEqual(door_socket_close(nil, ours), 0)
        expectEqual(readToTheEnd(theirs), 0)
    }

    @Test func aSocketGivesUpAfterTheCallsDeadline() throws {
        let (ours, theirs) = connection()
        defer { for end in [ours, theirs] { close(end) } }
        let deadline = UnsafeMutableRawPointer(bitPattern: 10_000)
        expectEqual(door_socket_opened(deadline, ours, CURLSOCKTYPE_IPCXN), 0)
        var milliseconds: UInt32 = 0
        var size = socklen_t(4)
        expectEqual(getsockopt(ours, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, &size), 0)
        expectEqual(milliseconds, 10_000)
    }

    @Test func anAnswerThatWaitedForAStoppedProcessHasItsRealAge() async throws {
        let answered = Guarded(Instant.distantFuture)
        let (isStopped, isAnswered) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let arrived = DispatchSemaphore(value: 0)
        let server = LoopbackServer { peer in
            _ = peer.request()
            arrived.signal()
            isStopped.wait()
            answered.withLock { $0 = bootTime() }
            peer.answer("200 OK", "{}")
            isAnswered.signal()
        }
        let multi = try CurlMulti()
        let client = CurlUpstreamClient(
            multi: multi, endpoint: try .test(server.url), clock: bootTime,
            trust: TrustAnchors(), limits: ResponseLimits())
        startThread {
            arrived.wait()
            multi.onQueue {
                isStopped.signal()
                isAnswered.wait()
                letPass(.milliseconds(400))
            }
        }
        let report = await client.call(id())
        await multi.close()
        await server.finish()
        expectEqual(report.reply?.status, 200)
        #expect(report.answeredAt <= answered.withLock { $0 })
        #expect(report.endedAt - report.answeredAt >= .milliseconds(400))
    }

    @Test func anAnswerIsNoOlderThanItsRequestHoweverLongTheHandshakeTook() async throws {
        let clock = TestClock()
        try await withHeldHandshakes(clock) { client, server in
            server.hold { clock.advance(.seconds(1)) }
            let report = await client.call(id())
            expectEqual(report.reply?.status, 200)
            expectEqual(report.sentAt, clock.read())
            expectEqual(report.answeredAt, clock.read())
        }
    }
}
