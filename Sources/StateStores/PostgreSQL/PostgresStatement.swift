// A statement and its values, as they are sent.

internal import StatusCore

/// What one name stands for is prepared once on each connection: its text is always the same.
struct PostgresStatement: Sendable {
    var name: String
    var sql: String
    var values: [PostgresValue]

    /// A call of one of the schema's functions, with as many parameters as there are values.
    static func call(
        _ columns: String, _ function: String, _ values: [PostgresValue]
    ) -> PostgresStatement {
        let parameters = (1...values.count).map { "$\($0)" }.joined(separator: ", ")
        return PostgresStatement(
            name: function,
            sql: "SELECT \(columns) FROM status_proxy.\(function)(\(parameters)) AS r",
            values: values)
    }
}

/// A value for a statement's parameter. The server knows the type from the function.
enum PostgresValue: Sendable {
    case text(String)
    case blob([UInt8])
    case null

    static func integer(_ number: Int64) -> PostgresValue { .text("\(number)") }
    static func integer(_ number: Int64?) -> PostgresValue { number.map { .integer($0) } ?? .null }
    static func integer(_ number: Int?) -> PostgresValue { .integer(number.map(Int64.init)) }
    static func span(_ span: Duration?) -> PostgresValue { .integer(span?.nanoseconds) }
    static func instant(_ instant: Instant?) -> PostgresValue { .integer(instant?.nanoseconds) }
    static func flag(_ flag: Bool?) -> PostgresValue { flag.map { .text($0 ? "t" : "f") } ?? .null }

    /// PostgreSQL cannot keep a zero byte in a text.
    static func words(_ text: String?) -> PostgresValue {
        guard let text else { return .null }
        return .text(text.utf8.contains(0) ? text.filter { $0 != "\0" } : text)
    }

    /// An array of values that hold no quotation mark and no backslash.
    static func array(_ items: [String?]) -> PostgresValue {
        .text("{" + items.map { $0.map { "\"\($0)\"" } ?? "NULL" }.joined(separator: ",") + "}")
    }

    /// An array of byte strings, in hexadecimal (PostgreSQL 15, 8.4.1 and 8.15.6).
    static func array(_ items: [[UInt8]]) -> PostgresValue {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = [UInt8(ascii: "{")]
        for (number, bytes) in items.enumerated() {
            text += Array((number == 0 ? #""\\x"# : #","\\x"#).utf8)
            for byte in bytes { text += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
            text.append(UInt8(ascii: "\""))
        }
        text.append(UInt8(ascii: "}"))
        return .text(String(decoding: text, as: UTF8.self))
    }

    /// Text is ended by a zero, blobs are counted.
    var buffer: UnsafeMutableRawBufferPointer? {
        let bytes: [UInt8]
        switch self {
        case .null: return nil
        case .text(let text): bytes = Array(text.utf8) + [0]
        case .blob(let blob): bytes = blob
        }
        // Never empty: a pointer that is null means NULL.
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, bytes.count), alignment: 1)
        buffer.copyBytes(from: bytes)
        return buffer
    }

    var count: Int32 { if case .blob(let bytes) = self { Int32(bytes.count) } else { 0 } }
    var format: Int32 { if case .blob = self { 1 } else { 0 } }
}
