// Output that peers have not taken yet: how much is kept, who is cut off, and the least rate.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
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
        if keepers == 1 { paceCheckAt = now + Self.paceCheckInterval }
    }

    func keepNothing(_ connection: Connection) {
        guard connection.isKeeping else { return }
        connection.isKeeping = false
        keepers -= 1
        if tally.output.letGo(holder(connection)) { tally.giveMemoryBack() }
    }

    /// Checks the progress of slow readers, since the kernel reports nothing before a third of its
    /// buffer is free.
    func checkPaces() {
        paceCheckAt = keepers > 0 ? now + Self.paceCheckInterval : .max
        guard keepers > 0 else { return }
        for case let connection? in connections where connection.isKeeping {
            let hasTaken = connection.pace.check(untaken: untakenBytes(connection), now: now)
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

    func untakenBytes(_ connection: Connection) -> Int {
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
        connection.pace.check(untaken: untakenBytes(connection), now: now)
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
