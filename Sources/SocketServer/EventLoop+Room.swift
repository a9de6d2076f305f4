// At the limit of connections, a new one replaces the one that has been idle longest. If none is
// idle, the new one gets a reserved place, where health checks are answered and all other requests
// get a 503.

import HTTPWire

/// A new connection over the limit, which is passed from loop to loop.
struct Newcomer: Sendable {
    /// Owned by the newcomer until a loop accepts it.
    let descriptor: Int32
    /// Loops that have not been asked yet.
    var unasked: ArraySlice<EventLoop>
    /// The loop with the connection that has been idle longest, of those asked so far.
    var best: (loop: EventLoop, deadline: Int64)?
}

/// An idle connection, with its state when it was found.
struct IdleConnection {
    let token: UInt64
    let deadline: Int64
}

extension EventLoop {
    /// Reserved places of each loop. The next newcomer replaces the oldest one.
    private static var reservedMax: Int { 64 }
    /// The number of idle connections that one scan remembers.
    private static var idleMax: Int { 64 }
    /// How long a scan is valid, in nanoseconds.
    private static var scanSpan: Int64 { 4_000_000 }

    // MARK: Search

    /// Each loop knows only its own connections, so the newcomer is passed to all of them, and then
    /// to the loop with the longest idle connection.
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

    /// Closes an idle connection, unless a place has become free meanwhile.
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

    /// Whether it is between two requests, or has been silent since it was accepted for longer than
    /// a first request takes.
    private func isIdle(_ connection: Connection) -> Bool {
        guard isBetweenRequests(connection), connection.patience == .idle, !connection.isReserved
        else { return false }
        return connection.hasServed || connection.deadline - times.idle <= now - times.firstRequest
    }

    /// All have the same idle time-out, so the earliest deadline is that of the longest idle
    /// connection.
    private func longestIdle() -> Connection? {
        // There may be thousands of newcomers: a scan stays valid for a while, unless all
        // connections that it found are used. But silence makes a connection idle, too.
        let isRecent = now - scannedAt < Self.scanSpan
        if isRecent, let connection = longestIdleFound() { return connection }
        guard mayHaveIdle || !isRecent else { return nil }
        mayHaveIdle = false
        scannedAt = now
        idle = scanForIdle()
        return longestIdleFound()
    }

    /// The next connection that the last scan found and that is still idle.
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

    /// Returns the longest idle connection last.
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

    /// The newcomer's request decides its answer: see `deliver`.
    private func reserve(_ descriptor: consuming Descriptor) {
        if reserved.count == Self.reservedMax { expel(reserved[0]) }
        guard let connection = register(descriptor, isReserved: true) else {
            return configuration.connectionRefusedHandler(.unread)
        }
        reserved.append(connection)
        complete(connection)
        limit(connection, to: times.firstRequest)
    }

    private func expel(_ connection: Connection) {
        if connection.phase == .open { configuration.connectionRefusedHandler(.unread) }
        drop(connection)
    }

    /// Answers 503 in a reserved place, and closes.
    func refuseOverLimit(_ connection: Connection, isHead: Bool) {
        configuration.connectionRefusedHandler(.overLimit)
        writeLast(configuration.overloadedResponse, to: connection, isHead: isHead)
    }
}
