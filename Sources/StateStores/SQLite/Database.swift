// One SQLite connection, which is closed with its owner.

internal import CSQLite

/// A connection to a database file. Not for concurrent use.
struct Database: ~Copyable {
    fileprivate let handle: OpaquePointer

    /// The permitted use of the file.
    enum Access {
        /// Read it without changes.
        case reading
        /// Read and write it, and create it if it is missing.
        case writing

        fileprivate var flags: Int32 {
            switch self {
            case .reading: SQLITE_OPEN_READONLY
            case .writing: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            }
        }
    }

    /// Opens the file. Waits at most `lockWait` for other processes.
    init(
        path: String, for access: Access = .writing, lockWaitMilliseconds: Int32
    ) throws(SQLiteFailure) {
        var opened: OpaquePointer?
        let flags = access.flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        let code = sqlite3_open_v2(path, &opened, flags, nil)
        guard let opened else { throw SQLiteFailure(code: code, "out of memory", "opening") }
        guard code == SQLITE_OK else {
            let failure = SQLiteFailure(code: code, Self.message(of: opened), "opening")
            sqlite3_close_v2(opened)
            throw failure
        }
        handle = opened
        let timeout = sqlite3_busy_timeout(opened, lockWaitMilliseconds)
        precondition(timeout == SQLITE_OK, "setting a time-out cannot fail")
    }

    deinit {
        // Open statements keep the connection alive until they are finalized.
        sqlite3_close_v2(handle)
    }

    func prepare(_ sql: String) throws(SQLiteFailure) -> Statement {
        var prepared: OpaquePointer?
        let flags = UInt32(SQLITE_PREPARE_PERSISTENT)
        let code = sqlite3_prepare_v3(handle, sql, -1, flags, &prepared, nil)
        guard code == SQLITE_OK, let prepared else { throw failure(code, sql) }
        return Statement(prepared)
    }

    /// Runs commands that return no rows.
    func execute(_ sql: String) throws(SQLiteFailure) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw failure(code, sql) }
    }

    /// The first column of the first row, as a number.
    func number(_ sql: String) throws(SQLiteFailure) -> Int64? {
        let statement = try prepare(sql)
        return try statement.first { $0.integer(0) }
    }

    /// The first column of the first row, as text.
    func text(_ sql: String) throws(SQLiteFailure) -> String? {
        let statement = try prepare(sql)
        return try statement.first { $0.text(0) }
    }

    /// The number of rows that the last statement changed.
    var lastChangeCount: Int { Int(sqlite3_changes64(handle)) }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }
    var isReadOnly: Bool { sqlite3_db_readonly(handle, "main") != 0 }
    /// The number of rows written since the connection was opened.
    var changeCount: Int64 { sqlite3_total_changes64(handle) }

    /// True when the path no longer leads to the open file.
    var hasMoved: Bool {
        var moved: Int32 = 0
        let code = sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved)
        return code != SQLITE_OK || moved != 0
    }

    /// Makes the close leave the write-ahead log unchanged, for a file whose path leads to another
    /// file now.
    func keepLogOnClose() {
        let code = csqlite_keep_log_on_close(handle)
        precondition(code == SQLITE_OK, "a connection's setting cannot fail")
    }

    private func failure(_ code: Int32, _ sql: String) -> SQLiteFailure {
        SQLiteFailure(code: code, Self.message(of: handle), String(sql.prefix(60)))
    }

    private static func message(of handle: OpaquePointer) -> String {
        String(cString: sqlite3_errmsg(handle))
    }
}
