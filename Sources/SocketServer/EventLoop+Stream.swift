// Answers in pieces: begun, continued and ended by the handler, at the pace of the peer.

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
        settle(connection)
    }

    /// Sends a piece, or keeps it in place of one that waits: to a peer that is behind, the newest
    /// piece tells all that the ones before it would.
    func sendPiece(_ exchange: Exchange, _ piece: () -> Content) {
        guard let connection = connection(of: exchange, in: .streaming) else { return }
        guard !connection.hasUnsent else {
            connection.pending = piece()
            return countKept(connection)
        }
        // Pieces that come faster than the heartbeat keep it from ever being asked.
        guard keepsPace(connection) else { return cut(connection, .slow) }
        write(piece(), to: connection)
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

    /// Moves the piece that waits into the writer; who calls it flushes.
    func writePending(_ connection: Connection) {
        writer.piece(connection.pending, connection.shape.streamFraming)
        connection.pending = Content()
    }

    func beat(_ connection: Connection) {
        write(Content(configuration.heartbeat), to: connection)
    }

    private func write(_ piece: Content, to connection: Connection) {
        writer.piece(piece, connection.shape.streamFraming)
        // The silence begins anew.
        connection.patience = .none
        flush(connection)
        if !connection.hasUnsent { noteSent(connection) }
        settle(connection)
    }
}
