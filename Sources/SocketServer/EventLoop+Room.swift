// A full house: the connection that has idled longest makes room for a newcomer. Without one the
// newcomer gets a reserved place, where health checks are answered and all other requests get a 503.

import HTTPWire

/// A connection for which there is no place, on its way from loop to loop.
struct Newcomer: Sendable {
    /// Owned by the newcomer until a loop takes it in.
    let descriptor: Int32
    /// Loops that have not been asked yet.
    var unasked: ArraySlice<EventLoop>
    /// The loop with the connection that has idled longest, of those asked so far.
    var best: (loop: EventLoop, deadline: Int64)?
}

/// An idle connection as it was when it was found.
struct IdleConnection {
    let token: UInt64
    let deadline: Int64
}

extension EventLoop {
    /// Reserved places, a loop. The oldest one is given up for the next newcomer.
    private static var reservedMax: Int { 64 }
    /// Idle connections remembered from one scan of all connections.
    private static var idleMax: Int { 64 }
    /// How long a scan is good, in nanoseconds.
    private static var scanSpan: Int64 { 4_000_000 }

    // MARK: Search

    /// A loop knows only its own connections. So the newcomer goes round, and then to the loop whose
    /// connection has idled longest.
    func seekRoom(for descriptor: consuming Descriptor) {
        let others = siblings.filter { $0 !== self }
        guard !others.isEmpty, tally.beginSearch() else { return takeIn(descriptor) }
        search(for: Newcomer(descriptor: descriptor.release(), unasked: others[...]))
    }

    private func search(for newcomer: Newcomer) {
        var newcomer = newcomer
        if let idle = longestIdle(), idle.deadline < newcomer.best?.deadline ?? .max {
            newcomer.best = (self, idle.deadline)
        }
        let next = newcomer.unasked.popFirst()
        let host = next ?? newcomer.best?.loop ?? self
        host.post { [newcomer] in
            guard next == nil else { return host.search(for: newcomer) }
            host.tally.endSearch()
            host.takeIn(Descriptor(newcomer.descriptor))
        }
    }

    /// Makes room unless a place has become free meanwhile.
    private func takeIn(_ descriptor: consuming Descriptor) {
        while !tally.enter() {
            guard let idle = longestIdle() else { return reserve(descriptor) }
            makeRoom(idle)
        }
        place(descriptor)
    }

    /// Closes an idle connection; a request that has just arrived is answered first.
    private func makeRoom(_ connection: Connection) {
        let deadline = connection.deadline
        readable(connection)
        if isIdle(connection), connection.deadline == deadline { drop(connection) }
    }

    // MARK: Idle connections

    /// Between two requests; or silent since it was accepted, for longer than a first request takes.
    private func isIdle(_ connection: Connection) -> Bool {
        guard isBetweenRequests(connection), connection.patience == .idle, !connection.isReserved
        else { return false }
        return connection.hasServed || connection.deadline - times.idle <= now - times.firstRequest
    }

    /// All have the same idle time-out, so the earliest deadline is that of the longest idle one.
    private func longestIdle() -> Connection? {
        // Newcomers may come in thousands: one scan is good for a while, unless all that it found has
        // been used. But silence makes a connection idle, too.
        let isRecent = now - scannedAt < Self.scanSpan
        if isRecent, let connection = longestIdleFound() { return connection }
        guard mayHaveIdle || !isRecent else { return nil }
        mayHaveIdle = false
        scannedAt = now
        idle = scanForIdle()
        return longestIdleFound()
    }

    /// What the last scan found and what is idle still.
    private func longestIdleFound() -> Connection? {
        while let candidate = idle.last {
            if let connection = connection(of: candidate.token), isIdle(connection),
                connection.deadline == candidate.deadline
            {
                return connection
            }
            idle.removeLast()
        }
        return nil
    }

    /// The longest idle connection last.
    private func scanForIdle() -> [IdleConnection] {
        var found: [IdleConnection] = []
        for case let connection? in connections where isIdle(connection) {
            let deadline = connection.deadline
            if found.count == Self.idleMax {
                guard deadline < found[0].deadline else { continue }
                found.removeFirst()
            }
            let index = found.firstIndex { $0.deadline <= deadline } ?? found.count
            found.insert(IdleConnection(token: connection.token, deadline: deadline), at: index)
        }
        return found
    }

    // MARK: Reserved places

    /// The request decides what the newcomer gets: see `deliver`.
    private func reserve(_ descriptor: consuming Descriptor) {
        if reserved.count == Self.reservedMax { expel(reserved[0]) }
        guard let connection = register(descriptor, isReserved: true) else {
            return configuration.turnedAwayHandler(.unheard)
        }
        reserved.append(connection)
        complete(connection)
        limit(connection, to: times.firstRequest)
    }

    private func expel(_ connection: Connection) {
        if connection.phase == .open { configuration.turnedAwayHandler(.unheard) }
        drop(connection)
    }

    /// Answers 503 in a reserved place, and closes.
    func turnAway(_ connection: Connection, isHead: Bool) {
        configuration.turnedAwayHandler(.overLimit)
        writeLast(configuration.overloadedResponse, to: connection, isHead: isHead)
    }
}
