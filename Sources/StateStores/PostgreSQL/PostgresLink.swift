// One connection at work, driven by readiness: statements go in by number, replies come out, and
// notifications where it listens.

internal import Dispatch
internal import Glibc
internal import StatusCore

/// Lives from a successful connection to its end, and never reconnects: its owner opens another one.
///
/// `@unchecked Sendable`: `queue`, `inbox`, `hear` and `clock` are constants; everything else is touched only
/// on `queue`, by the sources' handlers and by `send` and `end`, which hop onto it.
final class PostgresLink: @unchecked Sendable {
    enum Event: Sendable {
        case opened(PostgresLink)
        /// The results of the statements that were sent under that number, in their order.
        case replied(Int, Result<[PostgresResult], PostgresFailure>, at: Instant)
        /// There is something in the inbox. Not said again until it has been emptied.
        case notified
        /// Never opened, or over. Comes last.
        case ended(PostgresFailure)
    }

    private let queue: DispatchQueue
    private var connection: PostgresConnection
    /// Where notifications go; nil: it does not listen.
    private let inbox: NotificationInbox?
    private let clock: @Sendable () -> Instant
    private let hear: @Sendable (Event) -> Void
    private let readable: any DispatchSourceRead
    private let writable: any DispatchSourceWrite
    private var isWritableWatched = true
    private var isOver = false
    private var sourcesLeft = 2
    /// Transactions whose replies are awaited, in order.
    private var awaited: [Awaited] = []

    private struct Awaited {
        var number: Int
        /// Of each result that is still to come, whether it is a statement's own.
        var results: [Bool]
        var own: [PostgresResult] = []
        var failure: PostgresFailure?

        mutating func take(_ result: PostgresResult) {
            let isOwn = results.isEmpty ? false : results.removeFirst()
            // The first failure counts: what stands behind it was not carried out.
            failure = failure ?? result.failure
            if isOwn { own.append(result) }
        }
    }

    /// libpq ends each statement's results, and may say so once more before the next one's.
    private static let endsMax = 8

    /// What the server said of itself.
    let server: PostgresServer

    /// Connects, on a queue that waits for nothing else, to decide or, with an inbox, to listen. `hear`
    /// is called on that queue.
    static func open(
        _ url: PostgresURL, limits: PostgresLimits, inbox: NotificationInbox? = nil,
        clock: @escaping @Sendable () -> Instant, hear: @escaping @Sendable (Event) -> Void
    ) {
        let queue = DispatchQueue(label: "status-proxy.postgres-link")
        queue.async {
            do throws(PostgresFailure) {
                let connection = try PostgresConnection(url)
                let server = try PostgresGreeting.say(
                    on: connection, limits: limits, listens: inbox != nil)
                let link = try PostgresLink(connection, server, queue, inbox, clock, hear)
                link.activate()
                hear(.opened(link))
            } catch {
                hear(.ended(error))
            }
        }
    }

    /// libpq closes its socket when the server has gone, while the sources are still registered: the
    /// number would be somebody else's before Dispatch has let go of it, and whoever registered it then
    /// would never be woken. So the sources have a descriptor of their own.
    private init(
        _ connection: consuming PostgresConnection, _ server: PostgresServer,
        _ queue: DispatchQueue, _ inbox: NotificationInbox?,
        _ clock: @escaping @Sendable () -> Instant,
        _ hear: @escaping @Sendable (Event) -> Void
    ) throws(PostgresFailure) {
        self.server = server
        self.queue = queue
        self.inbox = inbox
        self.clock = clock
        self.hear = hear
        let socket = fcntl(connection.socket, F_DUPFD_CLOEXEC, 0)
        guard socket >= 0 else { throw .notConnected(String(cString: strerror(errno))) }
        readable = DispatchSource.makeReadSource(fileDescriptor: socket, queue: queue)
        writable = DispatchSource.makeWriteSource(fileDescriptor: socket, queue: queue)
        self.connection = connection
    }

    private func activate() {
        readable.setEventHandler { self.receive() }
        readable.setCancelHandler { self.letGo() }
        writable.setEventHandler { self.flush() }
        writable.setCancelHandler { self.letGo() }
        readable.activate()
        writable.activate()
    }

    /// From any queue: one transaction. Each number is replied to in this order, unless the link ends
    /// before.
    func send(_ statements: [PostgresStatement], _ number: Int) {
        queue.async {
            guard !self.isOver else { return }
            self.attempt { () throws(PostgresFailure) in
                let results = try self.connection.send(statements)
                self.awaited.append(Awaited(number: number, results: results))
            }
            self.flush()
        }
    }

    /// From any queue. Nothing is heard any more, but for what is on its way.
    func end() {
        queue.async { self.finish() }
    }

    // MARK: - On the queue

    /// All that has arrived, up to the end: Dispatch tells but once of a connection that was hung up, and
    /// the server's last words may stand before its end.
    private func receive() {
        guard !isOver else { return }
        attempt { () throws(PostgresFailure) in
            repeat {
                try connection.receive()
                try take()
            } while connection.isReadable
        }
        // What arrived may have made room for what is to be sent.
        flush()
    }

    /// All that libpq has read. It comes upon a notification only while it reads on to the next reply,
    /// and upon one behind the last reply only when it is asked once more: nothing may be left to lie in
    /// its buffer, since the socket does not tell of it again.
    private func take() throws(PostgresFailure) {
        try takeReplies()
        try takeNotifications()
    }

    /// After each read, so that libpq never keeps more of them than one read brings.
    private func takeNotifications() throws(PostgresFailure) {
        guard let inbox else { return }
        while let payload = connection.nextNotification() {
            switch inbox.add(payload, at: clock()) {
            case .kept(isFirst: true): hear(.notified)
            case .kept(isFirst: false), .ownOrKeptAlready: break
            case .tooMany: throw .flooded
            }
        }
    }

    private func takeReplies() throws(PostgresFailure) {
        var ends = 0
        while !awaited.isEmpty {
            switch try connection.next() {
            case .nothing: return
            case .end:
                ends += 1
                guard ends <= Self.endsMax else { throw .malformed("results without an end") }
            case .result(let result) where result.endsTransaction:
                ends = 0
                deliver()
            case .result(let result):
                ends = 0
                awaited[0].take(result)
            }
        }
    }

    private func deliver() {
        let reply = awaited.removeFirst()
        let result: Result<[PostgresResult], PostgresFailure> =
            reply.failure.map { .failure($0) }
            ?? (reply.results.isEmpty ? .success(reply.own) : .failure(.malformed("no result")))
        hear(.replied(reply.number, result, at: clock()))
    }

    /// Watches for room only as long as something waits for it.
    private func flush() {
        guard !isOver else { return }
        var isFlushed = true
        attempt { () throws(PostgresFailure) in
            isFlushed = try connection.flush()
            // While a buffer is full, libpq reads what the server sends.
            try take()
        }
        guard !isOver, isWritableWatched == isFlushed else { return }
        isWritableWatched = !isFlushed
        if isFlushed { writable.suspend() } else { writable.resume() }
    }

    /// The descriptor stays open until both sources have let go of it.
    private func letGo() {
        sourcesLeft -= 1
        if sourcesLeft == 0 { close(Int32(readable.handle)) }
    }

    private func attempt(_ body: () throws(PostgresFailure) -> Void) {
        do throws(PostgresFailure) {
            try body()
        } catch {
            finish()
            hear(.ended(error))
        }
    }

    /// A suspended source would never be let go of.
    private func finish() {
        guard !isOver else { return }
        isOver = true
        readable.cancel()
        writable.cancel()
        if !isWritableWatched { writable.resume() }
    }
}
