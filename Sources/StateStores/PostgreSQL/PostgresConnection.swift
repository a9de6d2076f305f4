// One libpq connection: made, greeted, then driven without ever waiting.

internal import CPostgres
internal import Glibc
internal import StatusCore

/// A connection to a server that takes writes. Not for concurrent use.
///
/// Making it waits, and so do `execute` and its kin: they are for a queue that nothing else needs.
/// After `startPipeline` nothing waits any more.
struct PostgresConnection: ~Copyable {
    private let handle: OpaquePointer
    /// Names of the statements that the server was told to prepare.
    private var prepared: Set<String> = []

    /// Connects to the first of the URL's hosts that takes writes.
    ///
    /// Waiting here, rather than going through `PQconnectPoll`, leaves all of it to libpq: that one
    /// ignores `connect_timeout`, cannot pass over a silent host of several, and looks names up while
    /// its caller waits anyhow.
    init(_ url: PostgresURL) throws(PostgresFailure) {
        guard let made = Self.connect(url) else { throw .notConnected("libpq is out of memory") }
        guard PQstatus(made) == CONNECTION_OK else {
            let message = Self.words(PQerrorMessage(made))
            PQfinish(made)
            throw .notConnected(message)
        }
        handle = made
        cpostgres_drop_notices(made)
    }

    /// Frees all of it; a goodbye is sent to the server if it fits into the socket at once.
    deinit { PQfinish(handle) }

    /// What counts unless the URL says otherwise: a server that takes writes, and links that are
    /// found dead within seconds.
    private static let defaults = [
        ("target_session_attrs", "read-write"), ("connect_timeout", "3"),
        ("keepalives_idle", "10"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "6000"), ("application_name", "status-proxy"),
        ("client_encoding", "UTF8"),
    ]

    /// A later value for a name wins, and `dbname` is taken apart where it stands: the URL wins.
    private static func connect(_ url: PostgresURL) -> OpaquePointer? {
        let pairs = defaults + [("dbname", url.text)]
        let names = pairs.map { strdup($0.0) }
        let values = pairs.map { strdup($0.1) }
        defer { (names + values).forEach { free($0) } }
        let nameList = names.map { UnsafePointer($0) } + [nil]
        let valueList = values.map { UnsafePointer($0) } + [nil]
        return PQconnectdbParams(nameList, valueList, 1)
    }

    var socket: Int32 { PQsocket(handle) }

    /// libpq's words in one line: it writes one for each host that it tried.
    static func words(_ message: UnsafePointer<CChar>?) -> String {
        let text = message.map { String(cString: $0) } ?? ""
        let lines = text.split(whereSeparator: \.isNewline).joined(separator: "; ")
        return lines.isEmpty ? "no reason given" : String(lines.prefix(wordsMax))
    }

    private static let wordsMax = 500

    private var lost: PostgresFailure { .lost(Self.words(PQerrorMessage(handle))) }
}

// MARK: - Waiting

extension PostgresConnection {
    /// Runs commands in one go and returns the result of the last.
    func execute(_ sql: String, within span: Duration) throws(PostgresFailure) -> PostgresResult {
        let deadline = ContinuousClock.now + span
        guard PQsendQuery(handle, sql) == 1 else { throw lost }
        var last: PostgresResult?
        var failure: PostgresFailure?
        while true {
            try wait(until: deadline)
            guard let next = PQgetResult(handle) else { break }
            let result = PostgresResult(next)
            failure = failure ?? result.failure
            last = result
        }
        guard PQstatus(handle) == CONNECTION_OK else { throw lost }
        if let failure { throw failure }
        guard let last else { throw .malformed("no result") }
        return last
    }

    private func wait(until deadline: ContinuousClock.Instant) throws(PostgresFailure) {
        while PQisBusy(handle) == 1 {
            let left = (deadline - .now).nanoseconds / 1_000_000
            guard left > 0 else { throw .lost("the server does not answer") }
            guard cpostgres_wait(handle, 0, Int32(clamping: left)) >= 0 else { throw lost }
            guard PQconsumeInput(handle) == 1 else { throw lost }
        }
    }
}

// MARK: - Without waiting

extension PostgresConnection {
    /// From here on statements are sent one behind the other, each a transaction of its own.
    func startPipeline() throws(PostgresFailure) {
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw lost }
    }

    /// Puts statements into the buffer, as one transaction, each at its first time behind its preparation;
    /// `flush` sends them. Tells of each result that is to come whether it is a statement's own.
    mutating func send(_ statements: [PostgresStatement]) throws(PostgresFailure) -> [Bool] {
        var results: [Bool] = []
        for statement in statements {
            if prepared.insert(statement.name).inserted {
                guard PQsendPrepare(handle, statement.name, statement.sql, 0, nil) == 1 else {
                    throw lost
                }
                results.append(false)
            }
            try sendPrepared(statement)
            results.append(true)
        }
        guard PQpipelineSync(handle) == 1 else { throw lost }
        return results
    }

    private func sendPrepared(_ statement: PostgresStatement) throws(PostgresFailure) {
        let buffers = statement.values.map(\.buffer)
        defer { buffers.forEach { $0?.deallocate() } }
        let sent = PQsendQueryPrepared(
            handle, statement.name, Int32(buffers.count),
            buffers.map { UnsafePointer($0?.baseAddress?.assumingMemoryBound(to: CChar.self)) },
            statement.values.map(\.count), statement.values.map(\.format), 1)
        guard sent == 1 else { throw lost }
    }

    /// True when all that was put into the buffer is on its way.
    func flush() throws(PostgresFailure) -> Bool {
        switch PQflush(handle) {
        case 0: return true
        case 1: return false
        default: throw lost
        }
    }

    /// Something has arrived, be it the end.
    var isReadable: Bool { cpostgres_wait(handle, 0, 0) > 0 }

    /// Takes in what has arrived, or the first part of it.
    func receive() throws(PostgresFailure) {
        guard PQconsumeInput(handle) == 1 else { throw lost }
    }

    enum Received {
        /// Not all of the next result has arrived.
        case nothing
        /// A statement's results are over.
        case end
        case result(PostgresResult)
    }

    func next() throws(PostgresFailure) -> Received {
        guard PQisBusy(handle) == 0 else { return .nothing }
        guard PQstatus(handle) == CONNECTION_OK else { throw lost }
        return PQgetResult(handle).map { .result(PostgresResult($0)) } ?? .end
    }

    /// The payload of the next notification that has arrived.
    func nextNotification() -> String? {
        guard let notification = PQnotifies(handle) else { return nil }
        defer { PQfreemem(notification) }
        return notification.pointee.extra.map { String(cString: $0) } ?? ""
    }
}
