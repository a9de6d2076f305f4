// The server's answer to one statement: rows in libpq's binary form, read by column.

internal import CPostgres
internal import StatusCore

/// Owns one `PGresult`.
///
/// `@unchecked Sendable`: the result is complete and only read, which libpq allows on any thread,
/// and cleared with the last reference.
final class PostgresResult: @unchecked Sendable {
    private let handle: OpaquePointer

    /// Takes ownership of the result.
    init(_ handle: OpaquePointer) { self.handle = handle }

    deinit { PQclear(handle) }

    private var status: ExecStatusType { PQresultStatus(handle) }

    /// Whether this is not a statement's result, but the pipeline's mark for the end of a
    /// transaction.
    var endsTransaction: Bool { status == PGRES_PIPELINE_SYNC }

    /// Nil if the statement succeeded.
    var failure: PostgresFailure? {
        switch status {
        case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: return nil
        default:
            // The integer of PG_DIAG_SQLSTATE, which is a character constant.
            let state = PQresultErrorField(handle, Int32(UInt8(ascii: "C")))
            let message = PQresultErrorField(handle, Int32(UInt8(ascii: "M")))
            return .refused(
                state: state.map { String(cString: $0) } ?? "",
                message.map { String(cString: $0) }
                    ?? PostgresConnection.words(PQresultErrorMessage(handle)))
        }
    }

    var rows: [Row] { (0..<PQntuples(handle)).map { Row(result: self, row: $0) } }

    /// The only row of a statement that has one.
    func row(columns: Int32) throws(PostgresFailure) -> Row {
        guard PQntuples(handle) == 1, PQnfields(handle) == columns else {
            throw .malformed("\(PQntuples(handle)) rows of \(PQnfields(handle)) columns")
        }
        return Row(result: self, row: 0)
    }

    struct Row {
        private let result: PostgresResult
        private let row: Int32

        fileprivate init(result: PostgresResult, row: Int32) {
            self.result = result
            self.row = row
        }

        /// A whole number of two, four or eight bytes.
        func integer(_ column: Int32) -> Int64? {
            guard let bytes = bytes(column), [2, 4, 8].contains(bytes.count) else { return nil }
            let isNegative = bytes[0] & 0x80 != 0
            return bytes.reduce(isNegative ? -1 : 0) { $0 << 8 | Int64($1) }
        }

        func flag(_ column: Int32) -> Bool? { bytes(column).map { $0.first == 1 } }

        func text(_ column: Int32) -> String? {
            bytes(column).map { String(decoding: $0, as: UTF8.self) }
        }

        func blob(_ column: Int32) -> [UInt8]? { bytes(column).map(Array.init) }

        func span(_ column: Int32) -> Duration? { integer(column).map { .nanoseconds($0) } }

        func instant(_ column: Int32) -> Instant? {
            integer(column).map(Instant.init(nanoseconds:))
        }

        /// Valid as long as the result, which the row keeps.
        private func bytes(_ column: Int32) -> UnsafeRawBufferPointer? {
            guard PQgetisnull(result.handle, row, column) == 0,
                let value = PQgetvalue(result.handle, row, column)
            else { return nil }
            let count = Int(PQgetlength(result.handle, row, column))
            return UnsafeRawBufferPointer(start: value, count: count)
        }
    }
}
