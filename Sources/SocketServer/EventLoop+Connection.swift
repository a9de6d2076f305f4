// The events of one connection: bytes are read, requests delivered, answers written and sent,
// time-outs pass, the connection ends.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
    /// Bytes that a lingering connection may still send.
    private static var droppedBytesMax: Int { 256 * 1024 }

    func ready(_ connection: Connection, _ events: UInt32) {
        let broken = events & UInt32(linux_failed | linux_hung_up) != 0
        if broken, connection.isOwed || connection.hasUnsent {
            return drop(connection)
        }
        if events & UInt32(linux_writable) != 0, connection.hasUnsent {
            sendUnsent(connection)
            if !connection.hasUnsent { return resume(connection) }
        }
        if broken || events & UInt32(linux_readable) != 0, wantsToRead(connection) {
            switch connection.phase {
            case .lingering: dropInput(connection)
            case .waiting, .streaming: readAhead(connection)
            case .open, .finishing, .closed: readable(connection)
            }
        }
        if events & UInt32(linux_half_closed) != 0, connection.isOwed { departs(connection) }
        stopWatchingInVain(connection, events)
    }

    private func wantsToRead(_ connection: Connection) -> Bool {
        switch connection.phase {
        case .open: !connection.hasUnsent
        case .lingering: true
        case .waiting, .streaming: connection.departsAt == .max
        case .finishing, .closed: false
        }
    }

    // MARK: Reading

    func readable(_ connection: Connection) {
        let kept = connection.input.count
        if kept > 0 { _ = scratch.update(fromContentsOf: connection.input) }
        let room = UnsafeMutableBufferPointer(rebasing: scratch[kept...])
        let count = recv(connection.descriptor.number, room.baseAddress, room.count, 0)
        if count > 0 {
            process(connection, UnsafeBufferPointer(rebasing: scratch[..<(kept + count)]))
        } else if count == 0 {
            inputEnded(connection)
        } else if errno != EAGAIN, errno != EINTR {
            drop(connection)
        }
    }

    /// Reads input behind a request that waits for its answer: unread, it would hide the peer's end
    /// once the kernel's buffer is full.
    private func readAhead(_ connection: Connection) {
        let count = recv(connection.descriptor.number, scratch.baseAddress, Self.readBytes, 0)
        if count > 0 {
            connection.input.append(contentsOf: scratch[..<count])
            guard connection.input.count <= configuration.inputBytesPerConnectionMax else {
                return cut(connection, .input)
            }
            complete(connection)
        } else if count == 0 {
            departs(connection)
        } else if errno != EAGAIN, errno != EINTR {
            drop(connection)
        }
    }

    /// Continues with kept input, after an answer was given or sent.
    func resume(_ connection: Connection) {
        let mayRead = connection.phase == .open && !connection.hasUnsent
        guard mayRead, !connection.input.isEmpty else {
            flush(connection)
            complete(connection)
            // It was still taking its answer when idle connections were closed.
            if isDraining, isBetweenRequests(connection) { finish(connection) }
            return
        }
        let kept = connection.input
        connection.input = []
        kept.withUnsafeBufferPointer { process(connection, $0) }
    }

    private func process(_ connection: Connection, _ buffer: UnsafeBufferPointer<UInt8>) {
        advance(connection, buffer)
        keep(connection, buffer)
        flush(connection)
        complete(connection)
    }

    /// Performs the machine's steps for all bytes. Answers are collected in the writer, so that
    /// pipelined requests are answered in one write.
    private func advance(_ connection: Connection, _ buffer: UnsafeBufferPointer<UInt8>) {
        let bytes = buffer.span
        while connection.phase == .open {
            // Inside content, the loop's head may be that of another connection.
            let headIsOurs = connection.machine.stage != .content
            switch connection.machine.advance(bytes, parser, &head) {
            case .needMore, .wait:
                return
            case .sendContinue:
                writer.writeContinue()
            case .content(let range):
                guard configuration.collectsBodies else { continue }
                connection.body.append(contentsOf: buffer[range])
            case .deliver:
                deliver(connection, bytes)
                guard writer.output.count + writer.sharedBytes >= configuration.unsentBytesMax
                else { continue }
                flush(connection)
                if connection.hasUnsent { return }
            case .refuse(let refusal):
                refuse(connection, refusal, isHead: headIsOurs && head.method == .head)
            }
        }
    }

    /// Moves unused input out of the loop's buffer.
    private func keep(_ connection: Connection, _ buffer: UnsafeBufferPointer<UInt8>) {
        let (head, rest) = connection.machine.keep(buffer.count)
        let isOver = connection.phase != .open && !connection.isOwed
        guard !isOver, !(head.isEmpty && rest.isEmpty) else {
            if !connection.input.isEmpty { connection.input = [] }
            return
        }
        var input: [UInt8] = []
        input.reserveCapacity(head.count + rest.count)
        input.append(contentsOf: buffer[head])
        input.append(contentsOf: buffer[rest])
        connection.input = input
    }

    private func inputEnded(_ connection: Connection) {
        guard case .refuse(let refusal) = connection.machine.inputEnded() else {
            return drop(connection)
        }
        refuse(connection, refusal, isHead: false)
        connection.input = []
        flush(connection)
        complete(connection)
    }

    /// RFC 9112 9.6: keeps reading, within bounds, until the peer has had time for the answer.
    private func dropInput(_ connection: Connection) {
        let count = recv(connection.descriptor.number, scratch.baseAddress, scratch.count, 0)
        if count > 0 {
            connection.droppedBytes += count
            if connection.droppedBytes > Self.droppedBytesMax { drop(connection) }
        } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
            drop(connection)
        }
    }

    // MARK: Answering

    private func deliver(_ connection: Connection, _ bytes: Span<UInt8>) {
        guard !connection.isReserved || handler.isHealthCheck(head, bytes: bytes) else {
            return turnAway(connection, isHead: head.method == .head)
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

    private func refuse(_ connection: Connection, _ refusal: Refusal, isHead: Bool) {
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

    // MARK: Watching and waiting

    /// Updates epoll's events and the deadline for the connection's state.
    func complete(_ connection: Connection) {
        guard connection.phase != .closed else { return }
        if connection.inputBytes != connection.inputCounted {
            countInput(connection)
            guard connection.phase != .closed else { return }
        }
        let wanted = wantedEvents(connection)
        // An event that is no longer needed is removed only when it fires: most answers come before
        // that.
        if wanted & ~connection.watched != 0 { watch(connection, wanted) }
        let (patience, span) = patience(connection)
        guard patience != connection.patience else { return }
        connection.patience = patience
        connection.deadline = span == .max ? .max : now + span
        wake(by: connection.deadline)
    }

    /// Brings the deadline forward.
    func limit(_ connection: Connection, to span: Int64) {
        connection.deadline = min(connection.deadline, now + span)
        wake(by: connection.deadline)
    }

    private func wantedEvents(_ connection: Connection) -> UInt32 {
        let awaitsDeparture = connection.isOwed && connection.departsAt == .max
        return (wantsToRead(connection) ? UInt32(linux_readable) : 0)
            | (connection.hasUnsent ? UInt32(linux_writable) : 0)
            | (awaitsDeparture ? UInt32(linux_half_closed) : 0)
    }

    private func stopWatchingInVain(_ connection: Connection, _ events: UInt32) {
        guard connection.phase != .closed else { return }
        let wanted = wantedEvents(connection)
        if events & connection.watched & ~wanted != 0 { watch(connection, wanted) }
    }

    private func watch(_ connection: Connection, _ events: UInt32) {
        connection.watched = events
        let code = linux_epoll_modify(
            epoll, connection.descriptor.number, events, connection.token)
        precondition(code == 0, "a registered socket can be watched")
    }

    private func patience(_ connection: Connection) -> (Connection.Patience, Int64) {
        if connection.isOwed, connection.departsAt < .max {
            return (.departure, max(0, connection.departsAt - now))
        }
        if connection.hasUnsent { return (.write, paceSpan) }
        switch connection.phase {
        case .waiting, .closed: return (.none, .max)
        case .streaming: return (.silence, times.silence)
        case .finishing: return (.write, paceSpan)
        case .lingering: return (.linger, times.linger)
        case .open: break
        }
        return switch connection.machine.stage {
        case .head: (.head, times.head)
        case .content: (.content, times.content)
        case .idle, .answering, .ended: (.idle, times.idle)
        }
    }

    func timedOut(_ connection: Connection) {
        switch connection.patience {
        case .none:
            connection.deadline = .max
        case .idle:
            // A request that has just arrived is served, since the peer could not know.
            readable(connection)
            // A peer whose request was served may continue (RFC 9112 9.6).
            guard connection.deadline <= now, isBetweenRequests(connection) else { return }
            guard connection.isReserved else { return finish(connection) }
            turnAway(connection, isHead: false)
            flush(connection)
            complete(connection)
        case .head, .content:
            guard case .refuse(let refusal) = connection.machine.timedOut() else { return }
            connection.input = []
            refuse(connection, refusal, isHead: false)
            flush(connection)
            complete(connection)
        case .write:
            guard keepsPace(connection) else { return cut(connection, .slow) }
            connection.deadline = connection.pace.markedAt + paceSpan
            wake(by: connection.deadline)
        case .silence:
            keepsPace(connection) ? beat(connection) : cut(connection, .slow)
        case .departure:
            giveUp(connection)
        case .linger:
            drop(connection)
        }
    }

    // MARK: Departure

    /// The peer has ended its sending while an answer is pending: nearly always it has closed the
    /// connection, which looks the same. An answer that is ready within the grace period is still
    /// sent.
    private func departs(_ connection: Connection) {
        guard connection.departsAt == .max else { return }
        connection.departsAt = now + times.departure
        complete(connection)
    }

    /// Abandons the current request; answers to earlier requests are sent first.
    private func giveUp(_ connection: Connection) {
        guard connection.phase == .waiting, connection.hasUnsent else { return drop(connection) }
        connection.phase = .finishing
        connection.input = []
        complete(connection)
        abandon(connection)
    }

    private func abandon(_ connection: Connection) {
        handler.abandoned(
            Exchange(id: connection.exchangeID, slot: connection.slot, loop: self))
    }

    // MARK: The end

    func isBetweenRequests(_ connection: Connection) -> Bool {
        connection.phase == .open && connection.machine.stage == .idle && !connection.hasUnsent
    }

    /// Ends a connection that has no pending answer.
    func finish(_ connection: Connection) {
        linger(connection)
        complete(connection)
    }

    func linger(_ connection: Connection) {
        shutdown(connection.descriptor.number, Int32(SHUT_WR))
        connection.phase = .lingering
        connection.input = []
    }

    /// Closes at once. A request that waits for its answer is abandoned.
    func drop(_ connection: Connection) {
        guard connection.phase != .closed else { return }
        let wasOwed = connection.isOwed
        connection.phase = .closed
        connections[connection.slot] = nil
        freeSlots.append(connection.slot)
        connection.input = []
        connection.body = []
        connection.unsent = OutputQueue()
        connection.pending = []
        keepNothing(connection)
        if connection.inputCounted > 0 { countInput(connection) }
        if connection.isReserved {
            reserved.removeAll { $0 === connection }
        } else {
            tally.leave()
        }
        if !connection.receipts.isEmpty { sign(connection, .gone) }
        if wasOwed { abandon(connection) }
    }
}
