// Accepts connections on one serial queue, and keeps the ones that are open.
//
// An upstream that misbehaves on purpose needs what a good server has no door for: half an answer, a
// silent close, the number of a request on its connection. And a judge ought not to count with the
// arithmetic of the judged: this is no part of the service's own server.

import Dispatch
import Glibc
import SocketServer

/// Serves calls, one after the other on each connection.
///
/// `@unchecked Sendable`: every stored `var` is touched on `queue` only; `init` hands nothing out
/// before its end.
final class WireServer: @unchecked Sendable {
    static let connectionsMax = 8192

    let address: BoundAddress
    private let queue = DispatchQueue(label: "upstream-sandbox.wire")
    private let listener: Socket
    private let answer: @Sendable (Call) -> Reply
    private var source: (any DispatchSourceRead)?
    private var connections: [ObjectIdentifier: WireConnection] = [:]

    /// Binds and listens. `answer` runs on the server's queue and must not block.
    init(
        host: String, port: Int, answer: @escaping @Sendable (Call) -> Reply
    ) throws(SocketFailure) {
        (listener, address) = try Socket.listening(host: host, port: port)
        self.answer = answer
    }

    func start() {
        queue.async { self.listen() }
    }

    /// Closes everything; returns when that is done.
    func stop() {
        queue.sync {
            source?.cancel()
            source = nil
            for connection in connections.values { connection.drop() }
        }
    }

    private func listen() {
        let listener = listener
        let source = DispatchSource.makeReadSource(
            fileDescriptor: listener.number, queue: queue)
        source.setEventHandler { [weak self] in self?.acceptAll() }
        source.setCancelHandler { _ = listener }
        source.activate()
        self.source = source
    }

    private func acceptAll() {
        while let socket = Socket(accept(listener.number, nil, nil)) {
            // One too many is closed at once, by going out of use.
            guard connections.count < Self.connectionsMax, socket.becomeNonBlocking() else {
                continue
            }
            socket.set(Int32(IPPROTO_TCP), TCP_NODELAY)
            let connection = WireConnection(socket, queue, answer)
            let key = ObjectIdentifier(connection)
            connections[key] = connection
            connection.start { [weak self] in self?.connections[key] = nil }
        }
    }
}
