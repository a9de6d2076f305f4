// One prepared SQL statement: values come in, rows go out.

internal import CSQLite

/// A value for a statement's parameter.
enum SQLiteValue {
    case integer(Int64)
    case text(String)
    case blob([UInt8])
    case null

    static func optional(_ number: Int64?) -> SQLiteValue { number.map { .integer($0) } ?? .null }
    static func optional(_ text: String?) -> SQLiteValue { text.map { .text($0) } ?? .null }
    static func flag(_ flag: Bool) -> SQLiteValue { .integer(flag ? 1 : 0) }
}

/// A reusable prepared statement. Belongs to one connection.
struct Statement: ~Copyable {
    private let handle: OpaquePointer

    init(_ handle: OpaquePointer) { self.handle = handle }

    // The result repeats the last run's failure, which has been reported.
    deinit { sqlite3_finalize(handle) }

    /// Runs the statement for its effect.
    func run(_ values: [SQLiteValue] = []) throws(SQLiteFailure) {
        defer { reset() }
        try bind(values)
        while try step() {}
    }

    /// Runs the statement and reads its first row; nil if there is none.
    func first<Value>(
        _ values: [SQLiteValue] = [], _ read: (Row) -> Value?
    ) throws(SQLiteFailure) -> Value? {
        defer { reset() }
        try bind(values)
        return try step() ? read(Row(handle)) : nil
    }

    /// Runs the statement and calls `body` for its rows, until `body` asks to stop.
    func forEach(
        _ values: [SQLiteValue] = [], _ body: (Row) -> Bool
    ) throws(SQLiteFailure) {
        defer { reset() }
        try bind(values)
        while try step(), body(Row(handle)) {}
    }

    private func bind(_ values: [SQLiteValue]) throws(SQLiteFailure) {
        for (index, value) in values.enumerated() {
            let code = bind(value, at: Int32(index + 1))
            guard code == SQLITE_OK else { throw failure(code) }
        }
    }

    private func bind(_ value: SQLiteValue, at index: Int32) -> Int32 {
        switch value {
        case .integer(let number): sqlite3_bind_int64(handle, index, number)
        case .text(let text): csqlite_bind_text(handle, index, text, Int32(text.utf8.count))
        case .blob(let bytes): csqlite_bind_blob(handle, index, bytes, Int32(bytes.count))
        case .null: sqlite3_bind_null(handle, index)
        }
    }

    /// True if a row can be read.
    private func step() throws(SQLiteFailure) -> Bool {
        let code = sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw failure(code)
        }
    }

    private func reset() {
        // The result repeats the last step's failure, which has been reported.
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    private func failure(_ code: Int32) -> SQLiteFailure {
        let message = String(cString: sqlite3_errmsg(sqlite3_db_handle(handle)))
        let sql = sqlite3_sql(handle).map { String(cString: $0) } ?? ""
        return SQLiteFailure(code: code, message, String(sql.prefix(60)))
    }

    /// The current row of the statement: only valid inside the closure that it is passed to.
    struct Row {
        private let handle: OpaquePointer

        fileprivate init(_ handle: OpaquePointer) { self.handle = handle }

        func integer(_ column: Int32) -> Int64? {
            isNull(column) ? nil : sqlite3_column_int64(handle, column)
        }

        func text(_ column: Int32) -> String? {
            guard let bytes = sqlite3_column_text(handle, column) else { return nil }
            let count = Int(sqlite3_column_bytes(handle, column))
            return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
        }

        func blob(_ column: Int32) -> [UInt8]? {
            guard !isNull(column) else { return nil }
            guard let bytes = sqlite3_column_blob(handle, column) else { return [] }
            let count = Int(sqlite3_column_bytes(handle, column))
            return [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
        }

        private func isNull(_ column: Int32) -> Bool {
            sqlite3_column_type(handle, column) == SQLITE_NULL
        }
    }
}
