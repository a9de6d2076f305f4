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
    private static var lookSpan: Int64 { 250_000_000 }

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
        connection.pace.look(untaken: untakenBytes(connection), now: now)
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

    // MARK: What is kept

    private func holder(_ connection: Connection) -> KeptBytes.Holder {
        KeptBytes.Holder(loop: self, token: connection.token)
    }

    /// Counts the bytes that the connection keeps for its peer; cuts off connections that keep too
    /// many.
    func countKept(_ connection: Connection) {
        let pending = connection.pending
        let ownBytes = pending.reduce(connection.unsent.ownBytes) { $0 + $1.piece.gatheredCount }
        let contents = connection.unsent.shared + pending.flatMap(\.piece.shared)
        let bytes = contents.reduce(ownBytes) { $0 + $1.bytes }
        guard bytes <= configuration.keptBytesPerConnectionMax else {
            return cut(connection, .share)
        }
        beginKeeping(connection)
        cut(
            tally.output.keep(
                ownBytes, contents, by: holder(connection),
                behindSince: connection.pace.behindSince(
                    bytesPerSecond: configuration.leastBytesPerSecond), now: now),
            .crowd, instead: connection)
    }

    private func beginKeeping(_ connection: Connection) {
        guard !connection.isKeeping else { return }
        connection.isKeeping = true
        keepers += 1
        if keepers == 1 { looksAt = now + Self.lookSpan }
    }

    func keepNothing(_ connection: Connection) {
        guard connection.isKeeping else { return }
        connection.isKeeping = false
        keepers -= 1
        if tally.output.letGo(holder(connection)) { tally.giveMemoryBack() }
    }

    /// Checks the progress of slow readers, since the kernel reports nothing before a third of its
    /// buffer is free.
    func lookAtReaders() {
        looksAt = keepers > 0 ? now + Self.lookSpan : .max
        guard keepers > 0 else { return }
        for case let connection? in connections where connection.isKeeping {
            let hasTaken = connection.pace.look(untaken: untakenBytes(connection), now: now)
            if hasTaken { countKept(connection) }
        }
    }

    /// Counts the connection's unused input; cuts off connections that keep too much.
    func countInput(_ connection: Connection) {
        if connection.inputCounted == 0 { connection.inputSince = now }
        connection.inputCounted = connection.inputBytes
        guard connection.inputCounted > 0 else {
            if tally.input.letGo(holder(connection)) { tally.giveMemoryBack() }
            return
        }
        cut(
            tally.input.keep(
                connection.inputCounted, [], by: holder(connection),
                behindSince: connection.inputSince, now: now),
            .input, instead: connection)
    }

    /// The connections are closed in later turns of their loops, since the caller may be processing
    /// one of them.
    private func cut(
        _ holders: [KeptBytes.Holder], _ reason: Cut.Reason, instead connection: Connection
    ) {
        for holder in holders {
            if holder.loop === self, holder.token == connection.token {
                cut(connection, reason)
            } else {
                holder.loop.post { holder.loop.cut(holder, reason) }
            }
        }
    }

    /// Closes the holder's connection, unless it keeps nothing any more.
    private func cut(_ holder: KeptBytes.Holder, _ reason: Cut.Reason) {
        guard let connection = connection(of: holder.token),
            reason == .input ? connection.inputBytes > 0 : connection.isKeeping
        else { return }
        cut(connection, reason)
    }

    /// Closes a connection because of its cost; an unfinished request is refused first.
    func cut(_ connection: Connection, _ reason: Cut.Reason) {
        guard connection.phase != .closed else { return }
        let isUnfinished = reason == .input && connection.phase == .open && !connection.hasUnsent
        guard !isUnfinished else { return refuseUnfinished(connection) }
        let cut = Cut(
            reason: reason, unsentBytes: connection.unsent.count, peer: connection.peer)
        configuration.cutHandler(cut)
        sign(connection, .cut(cut))
        drop(connection)
    }

    private func refuseUnfinished(_ connection: Connection) {
        configuration.cutHandler(Cut(reason: .input, unsentBytes: 0, peer: connection.peer))
        connection.input = []
        connection.body = []
        writeLast(configuration.overloadedResponse, to: connection, isHead: false)
        flush(connection)
        complete(connection)
    }

    // MARK: Pace

    /// The time over which a peer's pace is measured, in nanoseconds.
    var paceSpan: Int64 { isDraining ? times.drainWrite : times.write }

    func mark(_ connection: Connection) {
        connection.pace.mark(
            untaken: untakenBytes(connection), unsent: connection.unsent.count, now: now)
    }

    private func untakenBytes(_ connection: Connection) -> Int {
        Int(linux_untaken(connection.descriptor.number))
    }

    /// Records that a piece was sent, so that the next check sees its progress.
    func noteSent(_ connection: Connection) {
        connection.pace.sent(untaken: untakenBytes(connection))
    }

    /// Whether the peer has taken enough, or still has time. The bytes that our kernel accepts mean
    /// little: it buffers megabytes, and reports free space only when a third of that is free
    /// (tcp(7)), long after a slow reader has begun to read.
    func keepsPace(_ connection: Connection) -> Bool {
        connection.pace.look(untaken: untakenBytes(connection), now: now)
        let isOver = now - connection.pace.markedAt >= paceSpan
        guard connection.pace.hasAll || isOver else { return true }
        let isKept = connection.pace.isKept(
            bytesPerSecond: configuration.leastBytesPerSecond, now: now)
        if isKept { mark(connection) }
        return isKept
    }

    /// Shortens the time for a slow reader.
    func hasten(_ connection: Connection) {
        guard connection.patience == .write else { return }
        mark(connection)
        limit(connection, to: times.drainWrite)
    }
}
