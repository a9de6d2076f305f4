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

    func wantsToRead(_ connection: Connection) -> Bool {
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
}
