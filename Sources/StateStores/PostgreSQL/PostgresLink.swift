// One working connection, driven by readiness: numbered statements come in, replies go out, and
// notifications if it listens.

internal import Dispatch
internal import Glibc
internal import StatusCore

/// Exists from a successful connection to its end, and never reconnects: its owner opens another
/// one.
///
/// `@unchecked Sendable`: `queue`, `inbox`, `onEvent` and `clock` are constants; everything else is
/// touched only on `queue`, by the sources' handlers and by `send` and `end`, which hop onto it.
final class PostgresLink: @unchecked Sendable {
    enum Event: Sendable {
        case opened(PostgresLink)
        /// The results of the statements that were sent with that number, in order.
        case replied(Int, Result<[PostgresResult], PostgresFailure>, at: Instant)
        /// The inbox is not empty. Not repeated until it has been emptied.
        case notified
        /// The connection failed or ended. Comes last.
        case ended(PostgresFailure)
    }

    private let queue: DispatchQueue
    private var connection: PostgresConnection
    /// The destination of notifications; nil: it does not listen.
    private let inbox: NotificationInbox?
    private let clock: @Sendable () -> Instant
    private let onEvent: @Sendable (Event) -> Void
    private let readable: any DispatchSourceRead
    private let writable: any DispatchSourceWrite
    private var isWritableWatched = true
    private var isOver = false
    private var sourcesLeft = 2
    /// Transactions with pending replies, in order.
    private var awaited: [Awaited] = []

    private struct Awaited {
        var number: Int
        /// For each expected result, whether it is that of a statement.
        var results: [Bool]
        var own: [PostgresResult] = []
        var failure: PostgresFailure?

        mutating func take(_ result: PostgresResult) {
            let isOwn = results.isEmpty ? false : results.removeFirst()
            // The first failure counts: later statements were not carried out.
            failure = failure ?? result.failure
            if isOwn { own.append(result) }
        }
    }

    /// libpq marks the end of each statement's results, and may repeat the mark before the next
    /// one's.
    private static let endsMax = 8

    /// The identity of the server.
    let server: PostgresServer

    /// Connects on a separate queue, for decisions or, with an inbox, for listening. `onEvent` is
    /// called on that queue.
    static func open(
        _ url: PostgresURL, limits: PostgresLimits, inbox: NotificationInbox? = nil,
        clock: @escaping @Sendable () -> Instant, onEvent: @escaping @Sendable (Event) -> Void
    ) {
        let queue = DispatchQueue(label: "status-proxy.postgres-link")
        queue.async {
            do throws(PostgresFailure) {
                let connection = try PostgresConnection(url)
                let server = try PostgresGreeting.say(
                    on: connection, limits: limits, listens: inbox != nil)
                let link = try PostgresLink(connection, server, queue, inbox, clock, onEvent)
                link.activate()
                onEvent(.opened(link))
            } catch {
                onEvent(.ended(error))
            }
        }
    }

    /// libpq closes its socket when the server has gone, while the sources are still registered.
    /// The number could be reused before Dispatch has released it, and its new owner would never be
    /// woken. So the sources have a duplicate descriptor.
    private init(
        _ connection: consuming PostgresConnection, _ server: PostgresServer,
        _ queue: DispatchQueue, _ inbox: NotificationInbox?,
        _ clock: @escaping @Sendable () -> Instant,
        _ onEvent: @escaping @Sendable (Event) -> Void
    ) throws(PostgresFailure) {
        self.server = server
        self.queue = queue
        self.inbox = inbox
        self.clock = clock
        self.onEvent = onEvent
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

    /// Sends one transaction, from any queue. Replies come in this order, unless the link ends
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

    /// From any queue. Nothing more is reported, except events under way.
    func end() {
        queue.async { self.finish() }
    }

    // MARK: - On the queue

    /// Reads everything that has arrived, up to the end of the connection: Dispatch reports a
    /// hang-up only once, and the server's last messages may precede it.
    private func receive() {
        guard !isOver else { return }
        attempt { () throws(PostgresFailure) in
            repeat {
                try connection.receive()
                try take()
            } while connection.isReadable
        }
        // Received data may have made room for sending.
        flush()
    }

    /// Takes everything that libpq has read. It finds a notification only while it reads towards
    /// the next reply, and one after the last reply only when it is called once more: nothing may
    /// be left in its buffer, since the socket reports no event for it.
    private func take() throws(PostgresFailure) {
        try takeReplies()
        try takeNotifications()
    }

    /// Called after each read, so that libpq never keeps more notifications than those of one read.
    private func takeNotifications() throws(PostgresFailure) {
        guard let inbox else { return }
        while let payload = connection.nextNotification() {
            switch inbox.add(payload, at: clock()) {
            case .kept(isFirst: true): onEvent(.notified)
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
        onEvent(.replied(reply.number, result, at: clock()))
    }

    /// Watches for writability only while data has to be sent.
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

    /// The descriptor stays open until both sources are cancelled.
    private func letGo() {
        sourcesLeft -= 1
        if sourcesLeft == 0 { close(Int32(readable.handle)) }
    }

    private func attempt(_ body: () throws(PostgresFailure) -> Void) {
        do throws(PostgresFailure) {
            try body()
        } catch {
            finish()
            onEvent(.ended(error))
        }
    }

    /// A suspended source would never be released.
    private func finish() {
        guard !isOver else { return }
        isOver = true
        readable.cancel()
        writable.cancel()
        if !isWritableWatched { writable.resume() }
    }
}
