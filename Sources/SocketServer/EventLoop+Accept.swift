// New connections are accepted, counted and placed on a loop. Also handles too many connections,
// and a lack of descriptors.

import CLinux
import Glibc
import HTTPWire

extension EventLoop {
    /// Connections accepted before other events get their turn.
    private static var acceptsMax: Int { 64 }
    /// Connections accepted at the end: a full backlog. Under a flood there would always be one
    /// more.
    private static var lastAcceptsMax: Int { 4096 }
    /// How long accepting stops when there is no descriptor, in nanoseconds.
    private static var pause: Int64 { 100_000_000 }

    /// Before `start()` only.
    func listen(on listeners: [Listener], handingTo receivers: [EventLoop]) {
        self.listeners = listeners
        self.receivers = receivers
    }

    func watchListeners() {
        for (index, listener) in listeners.enumerated() {
            let code = linux_epoll_add(
                epoll, listener.descriptor.number, UInt32(linux_readable),
                Self.listenerToken(index))
            precondition(code == 0, "a new epoll set accepts a new socket")
        }
    }

    func accept(from index: Int) {
        for _ in 0..<Self.acceptsMax {
            guard acceptOne(from: index) else { return }
        }
    }

    /// False if no connection waits, or none can be accepted now.
    private func acceptOne(from index: Int) -> Bool {
        guard listeners.indices.contains(index) else { return false }
        let number = listeners[index].descriptor.number
        if let descriptor = Descriptor(returned: linux_accept(number)) {
            if tally.spares.fill() {
                admit(descriptor)
            } else {
                refuse(descriptor)
                tally.spares.fill()
            }
            return true
        }
        switch errno {
        case ECONNABORTED, EINTR, EPROTO:
            // accept(2): errors of that connection only, or no error.
            return true
        case EMFILE, ENFILE, ENOBUFS, ENOMEM:
            let error = errno
            let someWait = shedOne(number)
            // Waiting peers are lost once the listener is closed.
            guard !isDraining else { return someWait }
            ranShort(error, index)
            return false
        default:
            return false
        }
    }

    private func admit(_ descriptor: consuming Descriptor) {
        guard tally.enter() else { return seekRoom(for: descriptor) }
        guard !receivers.isEmpty else { return place(descriptor) }
        let receiver = receivers[nextReceiver]
        nextReceiver = (nextReceiver + 1) % receivers.count
        guard receiver !== self else { return place(descriptor) }
        // The closure owns the number; it runs once.
        let number = descriptor.release()
        receiver.post { receiver.place(Descriptor(number)) }
    }

    /// Adds a counted connection to the loop.
    func place(_ descriptor: consuming Descriptor) {
        guard let connection = register(descriptor, isReserved: false) else {
            return tally.leave()
        }
        complete(connection)
        if isDraining { limit(connection, to: times.firstRequest) }
    }

    func register(_ descriptor: consuming Descriptor, isReserved: Bool) -> Connection? {
        let slot = freeSlots.popLast() ?? connections.count
        generation = (generation + 1) & 0x7FFF_FFFF
        let token = generation << 32 | UInt64(slot)
        let watched = UInt32(linux_readable | linux_half_closed)
        guard linux_epoll_add(epoll, descriptor.number, watched, token) == 0 else {
            // The loop has stopped, or the kernel has no memory or watches left: the peer sees a
            // close.
            if slot < connections.count { freeSlots.append(slot) }
            return nil
        }
        let connection = Connection(
            descriptor, slot: slot, token: token, watched: watched, isReserved: isReserved)
        if slot == connections.count {
            connections.append(connection)
        } else {
            connections[slot] = connection
        }
        return connection
    }

    /// No descriptor is left: a spare one is used to answer one peer. The others wait in the
    /// kernel. False if no peer waits, or none can be accepted.
    private func shedOne(_ number: Int32) -> Bool {
        guard tally.spares.giveUpOne() else { return false }
        defer { tally.spares.fill() }
        guard let descriptor = Descriptor(returned: linux_accept(number)) else {
            // Another thread may have taken the descriptor that was given up.
            return errno != EAGAIN
        }
        refuse(descriptor)
        return true
    }

    /// Without a descriptor to keep: answers a health check that has already arrived, else 503, and
    /// closes.
    private func refuse(_ descriptor: consuming Descriptor) {
        // Reads first, since unread bytes would turn the close into a RST, and the answer would be
        // lost.
        let count = recv(descriptor.number, scratch.baseAddress, scratch.count, 0)
        if !answersHealthCheck(UnsafeBufferPointer(rebasing: scratch[..<max(0, count)]).span) {
            configuration.connectionRefusedHandler(.noDescriptor)
            writer.prepare(AnswerShape(isHead: false, version: .http11, keepAlive: false))
            writer.write(configuration.overloadedResponse)
        }
        _ = writer.output.withUnsafeBytes {
            send(descriptor.number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        writer.clear(keepingAtMost: configuration.unsentBytesMax)
        shutdown(descriptor.number, Int32(SHUT_WR))
    }

    /// Writes the answer to a health check, if it can be given at once.
    private func answersHealthCheck(_ bytes: Span<UInt8>) -> Bool {
        guard case .request = parser.parse(bytes, into: &head),
            handler.isHealthCheck(head, bytes: bytes)
        else { return false }
        writer.prepare(
            AnswerShape(isHead: head.method == .head, version: head.version, keepAlive: false))
        exchangeCount += 1
        let exchange = Exchange(
            id: UInt64(index) << 48 | exchangeCount, slot: .max, loop: self)
        let handling = handler.handle(
            head, bytes: bytes, body: [], exchange: exchange, writer: &writer)
        guard case .answered = handling, writer.isAnswered else {
            writer.rollBack()
            return false
        }
        return true
    }

    /// Stops accepting for a moment, then checks whether descriptors are available again.
    private func ranShort(_ error: Int32, _ index: Int) {
        watchListener(index, 0)
        guard !isShort else { return }
        isShort = true
        configuration.exhaustionHandler(.began(errno: error))
        lookForRelief()
    }

    private func lookForRelief() { acceptsAgainAt = now + Self.pause }

    /// Accepts again. The exhaustion is over when there is one more descriptor than the spare ones.
    func resumeAccepting() {
        acceptsAgainAt = .max
        guard !listeners.isEmpty else { return }
        tally.spares.fill()
        isShort = !tally.spares.leaveRoom
        isShort ? lookForRelief() : configuration.exhaustionHandler(.ended)
        for index in listeners.indices { watchListener(index, UInt32(linux_readable)) }
    }

    private func watchListener(_ index: Int, _ events: UInt32) {
        _ = linux_epoll_modify(
            epoll, listeners[index].descriptor.number, events, Self.listenerToken(index))
    }

    // MARK: Draining

    /// Takes the connections that the kernel has accepted already, closes the listener, then the
    /// connections between two requests.
    func stopAccepting() {
        guard !isDraining else { return }
        isDraining = true
        siblings = []
        for index in listeners.indices {
            for _ in 0..<Self.lastAcceptsMax { if !acceptOne(from: index) { break } }
        }
        closeListeners()
        for connection in connections { if let connection { retire(connection) } }
    }

    func closeListeners() {
        listeners = []
        receivers = []
        siblings = []
        guard isAccepting else { return }
        isAccepting = false
        tally.endedAccepting()
    }

    /// Closes a connection between two requests; a request that has just arrived is answered first.
    /// An answer that is being sent may finish, as long as its peer takes it.
    private func retire(_ connection: Connection) {
        if isBetweenRequests(connection) { readable(connection) }
        guard isBetweenRequests(connection) else { return hasten(connection) }
        if connection.hasServed {
            finish(connection)
        } else {
            limit(connection, to: times.firstRequest)
        }
    }
}
