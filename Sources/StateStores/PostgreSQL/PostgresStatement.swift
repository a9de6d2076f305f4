// A statement and its values, as they are sent.

internal import StatusCore

/// A named statement is prepared once on each connection, and always has the same text.
struct PostgresStatement: Sendable {
    var name: String
    var sql: String
    var values: [PostgresValue]
}

/// A value for a statement's parameter. The statement casts it to its type.
enum PostgresValue: Sendable {
    case text(String)
    case blob([UInt8])
    case null

    static func integer(_ number: Int64) -> PostgresValue { .text("\(number)") }
    static func integer(_ number: Int64?) -> PostgresValue { number.map { .integer($0) } ?? .null }
    static func integer(_ number: Int?) -> PostgresValue { .integer(number.map(Int64.init)) }
    static func span(_ span: Duration?) -> PostgresValue { .integer(span?.nanoseconds) }
    static func instant(_ instant: Instant?) -> PostgresValue { .integer(instant?.nanoseconds) }

    /// An array of values without quotation marks and backslashes.
    static func array(_ items: [String?]) -> PostgresValue {
        .text("{" + items.map { $0.map { "\"\($0)\"" } ?? "NULL" }.joined(separator: ",") + "}")
    }

    /// An array of byte strings, in the server's binary form: dimensions, whether there are nulls,
    /// the type of the elements (`bytea`), length and first index, then each element after its
    /// length.
    static func blobs(_ items: [[UInt8]]) -> PostgresValue {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(items.reduce(20) { $0 + $1.count + 4 })
        func add(_ number: Int32) {
            withUnsafeBytes(of: number.bigEndian) { bytes += $0 }
        }
        add(items.isEmpty ? 0 : 1)
        add(0)
        add(byteaType)
        if !items.isEmpty {
            add(Int32(items.count))
            add(1)
        }
        for item in items {
            add(Int32(item.count))
            bytes += item
        }
        return .blob(bytes)
    }

    private static let byteaType: Int32 = 17

    /// Text is ended by a zero, blobs are counted.
    var buffer: UnsafeMutableRawBufferPointer? {
        let bytes: [UInt8]
        switch self {
        case .null: return nil
        case .text(let text): bytes = Array(text.utf8) + [0]
        case .blob(let blob): bytes = blob
        }
        // Never empty, since a null pointer means NULL.
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(1, bytes.count), alignment: 1)
        buffer.copyBytes(from: bytes)
        return buffer
    }

    var count: Int32 { if case .blob(let bytes) = self { Int32(bytes.count) } else { 0 } }
    var format: Int32 { if case .blob = self { 1 } else { 0 } }
}
