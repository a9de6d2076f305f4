// Tests a loop with more work than fits in one turn, counted in pieces of work, without a clock.

import Dispatch
import HTTPWire
import Locking
import TestSupport
import Testing

@testable import SocketServer

@Suite(.blocking, .timeLimit(.minutes(1)))
struct FairTurnTests {
    /// Work posted to the loop answers a crowd; a request that arrives meanwhile does not wait for all
    /// of it.
    @Test func aRequestIsServedBetweenTheSlicesOfPostedWork() throws {
        let posted = 40 * Inbox.takenMax
        try serveOne { handler, exchange in
            for _ in 0..<posted { exchange.perform { handler.workDone() } }
        } meanwhile: { handler in
            let before = try #require(handler.doneBeforeLastRequest)
            #expect(before <= 2 * Inbox.takenMax)
            #expect(eventually { handler.done == posted })
        }
    }

    /// A large answer is written in slices, however much its peer's kernel accepts.
    @Test func aRequestIsServedBetweenTheSlicesOfALargeAnswer() throws {
        let large = [UInt8](repeating: 0x78, count: 4 << 20)
        var content = Content()
        for _ in 0..<100 { content.append(large) }
        try serveOne { [content] _, exchange in
            exchange.respond { writer in
                writer.write(Response(status: 200), content: content)
            }
        } meanwhile: { handler in
            let unsent = try #require(handler.unsentBeforeLastRequest)
            // It is larger than a connection's own buffer may be; shared content is not buffered.
            #expect(unsent < content.count)
            #expect(unsent >= content.count - 2 * EventLoop.sliceBytesMax)
        }
    }

    /// Makes a loop do `work` for one connection while another one's request waits. `meanwhile` checks
    /// what the handler saw before that request.
    private func serveOne(
        _ work: (Counter, Exchange) throws -> Void, meanwhile look: (Counter) throws -> Void
    ) throws {
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
        let asked = DispatchSemaphore(value: 0)
        // The loop waits until the request has arrived.
        exchange.perform { asked.wait() }
        try work(handler, exchange)
        try second.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        asked.signal()
        _ = try second.answer()
        try look(handler)
    }
}

/// Records what was done for the others before each request.
private final class Counter: RequestHandler {
    let kept = Signal()
    private let state = Guarded(State())

    private struct State: Sendable {
        var exchange: Exchange?
        var done = 0
        var doneBeforeLastRequest: Int?
        var unsentBeforeLastRequest: Int?
    }

    var exchange: Exchange? { state.withLock { $0.exchange } }
    var done: Int { state.withLock { $0.done } }
    var doneBeforeLastRequest: Int? { state.withLock { $0.doneBeforeLastRequest } }

    var unsentBeforeLastRequest: Int? { state.withLock { $0.unsentBeforeLastRequest } }

    func workDone() { state.withLock { $0.done += 1 } }

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        guard head.path.count > 1 else {
            state.withLock { state in
                state.doneBeforeLastRequest = state.done
                state.unsentBeforeLastRequest = state.exchange.flatMap {
                    $0.loop.connections[$0.slot]?.unsent.count
                }
            }
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
