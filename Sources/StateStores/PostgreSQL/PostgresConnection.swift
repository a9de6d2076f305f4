// One libpq connection: connected and initialised with blocking calls, then driven without
// blocking.

internal import CPostgres
internal import Glibc
internal import StatusCore

/// A connection to a server that accepts writes. Not for concurrent use.
///
/// Connecting blocks, and so do `execute` and related functions, which need a separate queue. After
/// `startPipeline` nothing blocks.
struct PostgresConnection: ~Copyable {
    private let handle: OpaquePointer
    /// The names of the prepared statements.
    private var prepared: Set<String> = []

    /// Connects to the first of the URL's hosts that accepts writes.
    ///
    /// Blocks, instead of using `PQconnectPoll`, which ignores `connect_timeout`, cannot skip a
    /// silent host of several, and blocks during name look-ups anyway.
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

    /// Frees everything; libpq sends a termination message if the socket accepts it at once.
    deinit { PQfinish(handle) }

    /// The defaults for parameters that the URL does not set: a server that accepts writes, and
    /// detection of dead links within seconds.
    private static let defaults = [
        ("target_session_attrs", "read-write"), ("connect_timeout", "3"),
        ("keepalives_idle", "10"), ("keepalives_interval", "3"), ("keepalives_count", "3"),
        ("tcp_user_timeout", "6000"), ("application_name", "status-proxy"),
        ("client_encoding", "UTF8"),
    ]

    /// A later value of a parameter wins, and `dbname` is expanded at its place, so that the URL
    /// wins.
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

    /// libpq's message on one line: it has one line for each host that was tried.
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
    /// Runs commands as one request and returns the last result.
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
    /// From now on statements are pipelined, each as its own transaction.
    func startPipeline() throws(PostgresFailure) {
        guard PQsetnonblocking(handle, 1) == 0, PQenterPipelineMode(handle) == 1 else { throw lost }
    }

    /// Buffers statements as one transaction, and prepares each before its first use; `flush` sends
    /// them. Returns for each expected result whether it is that of a statement.
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

    /// True when the whole buffer has been sent.
    func flush() throws(PostgresFailure) -> Bool {
        switch PQflush(handle) {
        case 0: return true
        case 1: return false
        default: throw lost
        }
    }

    /// Whether data or the end of the connection has arrived.
    var isReadable: Bool { cpostgres_wait(handle, 0, 0) > 0 }

    /// Reads the data that has arrived, or the first part of it.
    func receive() throws(PostgresFailure) {
        guard PQconsumeInput(handle) == 1 else { throw lost }
    }

    enum Received {
        /// The next result has not arrived completely.
        case nothing
        /// The end of a statement's results.
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
