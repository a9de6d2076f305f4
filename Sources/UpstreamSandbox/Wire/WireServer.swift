// Accepts connections on one serial queue, and keeps the open ones.
//
// An upstream that misbehaves on purpose needs hooks that a good server does not have: half an
// answer, a silent close, the number of a request on its connection. Also, the audit should not
// rely on the code that it checks, so the service's own server is not used.

import Dispatch
import Glibc
import SocketServer

/// Serves calls, sequentially on each connection.
///
/// `@unchecked Sendable`: every stored `var` is touched on `queue` only; `init` publishes nothing
/// before its end.
final class WireServer: @unchecked Sendable {
    static let connectionsMax = 8192

    let address: BoundAddress
    private let queue = DispatchQueue(label: "upstream-sandbox.wire")
    private let listener: Socket
    private let answer: @Sendable (Call) -> Reaction
    private var source: (any DispatchSourceRead)?
    private var connections: [ObjectIdentifier: WireConnection] = [:]

    /// Binds and listens. `answer` runs on the server's queue and must not block.
    init(
        host: String, port: Int, answer: @escaping @Sendable (Call) -> Reaction
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
            // A connection over the limit is closed at once, by its release.
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
