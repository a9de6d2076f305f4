// Sends answers: bytes that the socket does not accept are kept, within bounds, as long as the peer
// keeps pace.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
    /// Larger output storage is freed after use.
    private static var outputBytesKept: Int { 256 * 1024 }
    /// The most bytes that are sent to a connection in one turn, however many its socket would
    /// accept.
    static var sliceBytesMax: Int { 256 * 1024 }
    /// How often slow readers are checked, while there are any, in nanoseconds.
    static var paceCheckInterval: Int64 { 250_000_000 }

    // MARK: Sending

    /// Sends the writer's content; bytes that the socket does not accept move to the connection.
    func flush(_ connection: Connection) {
        defer { writer.clear(keepingAtMost: Self.outputBytesKept) }
        guard connection.phase != .closed else { return }
        guard !connection.hasUnsent else {
            connection.unsent.append(writer)
            return countKept(connection)
        }
        var sent = 0
        if writer.shared.isEmpty {
            // In place, since another reference to the storage would make the next append copy it.
            guard let count = writer.output.withUnsafeBytes({ send($0, on: connection) }) else {
                return
            }
            guard count < writer.output.count else { return allSent(connection) }
            sent = count
        }
        connection.unsent.append(writer, behind: sent)
        guard writer.shared.isEmpty || sendKept(connection) else { return }
        guard connection.hasUnsent else { return allSent(connection) }
        mark(connection)
        countKept(connection)
    }

    func sendUnsent(_ connection: Connection) {
        connection.pace.check(untaken: untakenBytes(connection), now: now)
        guard sendKept(connection) else { return }
        connection.pace.sent(untaken: untakenBytes(connection))
        guard !connection.hasUnsent else {
            countKept(connection)
            return complete(connection)
        }
        if connection.phase == .streaming {
            mark(connection)
            writePending(connection)
        }
        keepNothing(connection)
        allSent(connection)
    }

    /// Sends a slice: the rest waits for the turns of the loop's other connections. False if the
    /// peer has gone, and the connection was closed.
    private func sendKept(_ connection: Connection) -> Bool {
        var left = Self.sliceBytesMax
        while connection.hasUnsent, left > 0 {
            let (offered, sent) = connection.unsent.withFirst { bytes in
                let slice = UnsafeRawBufferPointer(rebasing: bytes.prefix(left))
                return (slice.count, send(slice, on: connection))
            }
            guard let sent else { return false }
            connection.unsent.removeFirst(sent)
            left -= sent
            guard sent == offered else { return true }
        }
        return true
    }

    private func allSent(_ connection: Connection) {
        if !connection.receipts.isEmpty { sign(connection, .whole) }
        if connection.phase == .finishing { linger(connection) }
    }

    /// Sends as much as the socket accepts, and returns that number of bytes; nil if the peer has
    /// gone, and the connection was closed.
    private func send(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> Int? {
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.send(
                connection.descriptor.number, bytes.baseAddress?.advanced(by: sent),
                bytes.count - sent, Int32(MSG_NOSIGNAL))
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                return sent
            } else if errno != EINTR {
                drop(connection)
                return nil
            }
        }
        return sent
    }

    // MARK: Receipts

    /// Calls `receipt` once the writer's content for the connection has been sent, or can no longer
    /// be sent.
    func whenDelivered(_ exchange: Exchange, _ receipt: @escaping @Sendable (Delivery) -> Void) {
        guard exchange.slot < connections.count, let connection = connections[exchange.slot] else {
            return receipt(.whole)
        }
        connection.receipts.append(receipt)
    }

    func sign(_ connection: Connection, _ delivery: Delivery) {
        let receipts = connection.receipts
        connection.receipts = []
        for receipt in receipts { receipt(delivery) }
    }
}
