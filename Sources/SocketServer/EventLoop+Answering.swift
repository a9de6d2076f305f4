// Answers of one connection: written by the handler at once or later, in the order of their
// requests.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
    func deliver(_ connection: Connection, _ bytes: Span<UInt8>) {
        guard !connection.isReserved || handler.isHealthCheck(head, bytes: bytes) else {
            return refuseOverLimit(connection, isHead: head.method == .head)
        }
        exchangeCount += 1
        let exchange = Exchange(
            id: UInt64(index) << 48 | exchangeCount, slot: connection.slot, loop: self)
        connection.shape = AnswerShape(
            isHead: head.method == .head, version: head.version,
            keepAlive: head.keepAlive && !isDraining && !connection.isReserved)
        connection.hasServed = true
        connection.patience = .none
        var body: [UInt8] = []
        if !connection.body.isEmpty { swap(&body, &connection.body) }
        writer.prepare(connection.shape)
        switch handler.handle(
            head, bytes: bytes, body: body, exchange: exchange, writer: &writer)
        {
        case .answered:
            connection.shape.keepAlive = writer.keepsConnection
            ended(connection)
        case .later:
            writer.rollBack()
            connection.exchangeID = exchange.id
            connection.phase = .waiting
        }
    }

    /// The answer's last byte has been written.
    func ended(_ connection: Connection) {
        if !writer.isAnswered {
            // The handler returned `.answered` without a complete answer: this is our own mistake.
            writer.rollBack()
            writer.write(Response(status: 500))
        }
        connection.machine.answered()
        connection.departsAt = .max
        mayHaveIdle = true
        connection.phase = connection.shape.keepAlive ? .open : .finishing
    }

    func respond(to exchange: Exchange, _ write: (inout ResponseWriter) -> Void) {
        guard let connection = connection(of: exchange, in: .waiting) else { return }
        if isDraining { connection.shape.keepAlive = false }
        writer.prepare(connection.shape)
        write(&writer)
        connection.exchangeID = 0
        ended(connection)
        resume(connection)
    }

    func reset(_ exchange: Exchange) {
        guard let connection = connection(of: exchange, in: .waiting) else { return }
        connection.phase = .open
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            connection.descriptor.number, SOL_SOCKET, SO_LINGER, &linger,
            socklen_t(MemoryLayout<linger>.size))
        drop(connection)
    }

    func peer(at slot: Int) -> PeerAddress? {
        connections.indices.contains(slot) ? connections[slot]?.peer : nil
    }

    /// The connection of an exchange that is under way; nil if its peer has gone or been answered.
    func connection(of exchange: Exchange, in phase: Connection.Phase) -> Connection? {
        guard exchange.slot < connections.count, let connection = connections[exchange.slot],
            connection.phase == phase, connection.exchangeID == exchange.id
        else { return nil }
        return connection
    }

    func refuse(_ connection: Connection, _ refusal: Refusal, isHead: Bool) {
        let response = configuration.refusal(
            refusal.status, refusal.reason, connection.peer)
        writeLast(response, to: connection, isHead: isHead)
    }

    /// Writes an answer after which the connection is closed.
    func writeLast(_ response: Response, to connection: Connection, isHead: Bool) {
        writer.prepare(AnswerShape(isHead: isHead, version: .http11, keepAlive: false))
        writer.write(response)
        connection.phase = .finishing
    }
}
