// A server under test, a handler that answers by path, and signals to wait for.

import Dispatch
import Glibc
import HTTPWire
import Locking
import SocketServer
import Testing

/// An event on another queue, for which a test waits with a deadline.
final class Signal: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func fire() { semaphore.signal() }

    func wait() -> Bool { wait(milliseconds: 60_000) }

    func wait(milliseconds: Int) -> Bool {
        semaphore.wait(timeout: .now() + .milliseconds(milliseconds)) == .success
    }
}

/// Answers by path: `/echo` its target, `/body` the content, `/big` 1 MiB, `/same` 8 MiB that all
/// share, `/later` on the test's signal.
final class Player: RequestHandler {
    private let kept = Guarded<[Exchange]>([])
    static let same = Response(status: 200, body: Array(repeating: 0x73, count: 8 << 20))
    let asked = Signal()
    let left = Signal()

    func handle(
        _ head: borrowing RequestHead, bytes: Span<UInt8>, body: [UInt8], exchange: Exchange,
        writer: inout ResponseWriter
    ) -> Handling {
        let path = text(head.path, in: bytes)
        switch path {
        case "/later":
            kept.withLock { $0.append(exchange) }
            asked.fire()
            return .later
        case "/nothing": return .answered
        case "/peer":
            let peer = exchange.peer
            let text = "\(peer?.text ?? "-") \(peer?.network ?? "-")"
            writer.write(Response(status: 200, body: Array(text.utf8)))
        case "/last":
            writer.closeConnection()
            writer.write(Response(status: 200))
        case "/body":
            writer.write(Response(status: 200, body: body))
        case "/same":
            writer.write(Self.same)
        case "/big":
            writer.write(Response(status: 200, body: Array(repeating: 0x78, count: 1 << 20)))
        default:
            writer.write(
                Response(
                    status: 200, fields: [Field(name: "Content-Type", value: "text/plain")],
                    body: Array(text(head.target, in: bytes).utf8)))
        }
        return .answered
    }

    private func text(_ range: Range<Int>, in bytes: Span<UInt8>) -> String {
        String(decoding: range.map { bytes[$0] }, as: UTF8.self)
    }

    func isHealthCheck(_ head: borrowing RequestHead, bytes: Span<UInt8>) -> Bool {
        text(head.path, in: bytes) == "/health"
    }

    func abandoned(_ exchange: Exchange) {
        kept.withLock { $0.removeAll { $0 == exchange } }
        left.fire()
    }

    /// The exchange that has been held longest, which exists by then.
    func next() throws -> Exchange {
        try #require(asked.wait())
        return try #require(kept.withLock { $0.isEmpty ? nil : $0.removeFirst() })
    }
}

/// A running server on a loopback address; stops with the test.
final class Stage {
    let player = Player()
    let server: Server

    init(_ host: String = "127.0.0.1", _ change: (inout ServerConfiguration) -> Void = { _ in })
        throws
    {
        var configuration = ServerConfiguration(host: host, port: 0, loops: 2)
        configuration.lingerTimeout = .milliseconds(200)
        configuration.refusal = { status, reason, _ in
            Response(status: status, body: Array(reason.utf8))
        }
        change(&configuration)
        server = try Server(configuration, handler: player)
        server.start()
    }

    func peer(receiveBytes: Int32 = 0) throws -> Peer {
        try Peer(server.address, receiveBytes: receiveBytes)
    }

    deinit {
        let stopped = Signal()
        server.stop { stopped.fire() }
        _ = stopped.wait()
    }
}
