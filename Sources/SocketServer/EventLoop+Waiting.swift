// What a connection waits for, and its end: events that are watched, time-outs, a peer's departure,
// the close.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
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

    func stopWatchingInVain(_ connection: Connection, _ events: UInt32) {
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
            refuseOverLimit(connection, isHead: false)
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
    func departs(_ connection: Connection) {
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
