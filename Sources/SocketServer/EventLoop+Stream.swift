// Answers in pieces, which the handler begins, continues and ends, at the pace of the peer.

import CLinux
import HTTPWire

extension EventLoop {
    func beginStream(_ exchange: Exchange, _ head: Response) {
        guard let connection = connection(of: exchange, in: .waiting) else { return }
        if isDraining || connection.shape.version == .http10 { connection.shape.keepAlive = false }
        writer.prepare(connection.shape)
        writer.beginStream(head)
        if connection.shape.isHead {
            connection.exchangeID = 0
            ended(connection)
            return resume(connection)
        }
        connection.phase = .streaming
        flush(connection)
        mark(connection)
        complete(connection)
    }

    /// Sends a piece, or keeps it instead of the waiting piece of its subject.
    func sendPiece(_ exchange: Exchange, on subject: Int, _ piece: (Content?) -> Content) {
        guard let connection = connection(of: exchange, in: .streaming) else { return }
        guard !connection.hasUnsent else {
            if let index = connection.pending.firstIndex(where: { $0.subject == subject }) {
                connection.pending[index].piece = piece(connection.pending[index].piece)
            } else {
                connection.pending.append((subject, piece(nil)))
            }
            return countKept(connection)
        }
        // If pieces come faster than the heartbeat, no heartbeat checks the pace.
        guard keepsPace(connection) else { return cut(connection, .slow) }
        write(piece(nil), to: connection)
    }

    func endStream(_ exchange: Exchange) {
        guard let connection = connection(of: exchange, in: .streaming) else { return }
        writePending(connection)
        writer.endStream(connection.shape.streamFraming)
        if isDraining { connection.shape.keepAlive = false }
        connection.exchangeID = 0
        ended(connection)
        resume(connection)
    }

    /// Moves the waiting pieces into the writer; the caller flushes it.
    func writePending(_ connection: Connection) {
        for (_, piece) in connection.pending {
            writer.piece(piece, connection.shape.streamFraming)
        }
        connection.pending = []
    }

    func beat(_ connection: Connection) {
        write(Content(configuration.heartbeat), to: connection)
    }

    private func write(_ piece: Content, to connection: Connection) {
        writer.piece(piece, connection.shape.streamFraming)
        // Restarts the time of silence.
        connection.patience = .none
        flush(connection)
        if !connection.hasUnsent { noteSent(connection) }
        complete(connection)
    }
}
