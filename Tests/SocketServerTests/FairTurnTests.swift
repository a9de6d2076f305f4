// A loop with more to do than it can do at once: counted in pieces of work, without a clock.

import Dispatch
import HTTPWire
import Locking
import TestSupport
import Testing

@testable import SocketServer

@Suite(.blocking, .timeLimit(.minutes(1)))
struct FairTurnTests {
    /// A crowd is answered by work that is posted to the loop: a request that comes meanwhile does not
    /// wait for all of it.
    @Test func aRequestIsServedBetweenTheSlicesOfPostedWork() throws {
        let handler = Counter()
        let server = try Server(ServerConfiguration(loops: 1), handler: handler)
        server.start()
        defer {
            let stopped = Signal()
            server.stop { stopped.fire() }
            _ = stopped.wait()
        }
        let first = try Peer(server.address)
        try first.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
        try #require(handler.kept.wait())
        let exchange = try #require(handler.exchange)
        let second = try Peer(server.address)
        try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        _ = try second.answer()

        let posted = 40 * Inbox.takenMax
        let asked = DispatchSemaphore(value: 0)
        // The loop stands still until the request has come.
        exchange.perform { asked.wait() }
        for _ in 0..<posted { exchange.perform { handler.workDone() } }
        try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        asked.signal()
        _ = try second.answer()
        let before = try #require(handler.doneBeforeLastRequest)
        #expect(before <= 2 * Inbox.takenMax)
        #expect(eventually { handler.done == posted })
    }
}

/// Counts the work that was done before each request.
private final class Counter: RequestHandler {
    let kept = Signal()
    private let state = Guarded(State())

    private struct State: Sendable {
        var exchange: Exchange?
        var done = 0
        var doneBeforeLastRequest: Int?
    }

    var exchange: Exchange? { state.withLock { $0.exchange } }
    var done: Int { state.withLock { $0.done } }
    var doneBeforeLastRequest: Int? { state.withLock { $0.doneBeforeLastRequest } }

    func workDone() { state.withLock { $0.done += 1 } }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        guard head.path.count > 1 else {
            state.withLock { $0.doneBeforeLastRequest = $0.done }
            writer.write(Response(status: 200))
            return .answered
        }
        state.withLock { $0.exchange = exchange }
        kept.fire()
        return .later
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool { false }

    func abandoned(_ exchange: Exchange) {}
}
