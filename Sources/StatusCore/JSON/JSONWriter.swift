// Writes JSON: consecutive values come in, compact UTF-8 bytes go out.

/// Appends JSON to bytes, without white space, and adds the commas.
///
///     var json = JSONWriter()
///     json.beginObject()
///     json.member("id", action.id.text)
///     json.name("errors")
///     json.beginArray()
///     json.endArray()
///     json.endObject()
///
/// Optionals are written as null. The caller must pair begins with ends, and names with values.
public struct JSONWriter: Sendable {
    /// The bytes written so far.
    public private(set) var bytes: [UInt8] = []
    /// True after a value: a comma is needed before the next value or name of the same level.
    private var needsComma = false

    public init(reserving capacity: Int = 0) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Structure

    public mutating func beginObject() { begin("{") }
    public mutating func endObject() { end("}") }
    public mutating func beginArray() { begin("[") }
    public mutating func endArray() { end("]") }

    /// Begins an object with the members of a written one, to which more can be added.
    public mutating func beginObject(extending object: [UInt8]) {
        precondition(object.first == UInt8(ascii: "{") && object.last == UInt8(ascii: "}"))
        separate()
        bytes += object.dropLast()
        needsComma = object.count > 2
    }

    /// The name of the member whose value comes next.
    public mutating func name(_ name: String) {
        separate()
        append(quoted: name)
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    public mutating func null() { append("null") }

    public mutating func bool(_ flag: Bool?) {
        guard let flag else { return null() }
        append(flag ? "true" : "false")
    }

    public mutating func integer<Integer: BinaryInteger>(_ number: Integer?) {
        guard let number else { return null() }
        append(String(number))
    }

    public mutating func string(_ text: String?) {
        guard let text else { return null() }
        separate()
        append(quoted: text)
        needsComma = true
    }

    /// A value as it was read, with the original text of numbers. With `sorted`, the members of
    /// every object are sorted by the bytes of their names, so that the same value gives the same
    /// bytes.
    public mutating func value(_ value: JSONValue?, sorted: Bool = false) {
        switch value {
        case nil, .null: null()
        case .bool(let flag): bool(flag)
        case .number(let text): append(text)
        case .string(let text): string(text)
        case .array(let items):
            beginArray()
            for item in items { self.value(item, sorted: sorted) }
            endArray()
        case .object(let members):
            beginObject()
            for member in sorted ? Self.sortedByName(members) : members {
                name(member.name)
                self.value(member.value, sorted: sorted)
            }
            endObject()
        }
    }

    /// Bytes that are one JSON value already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes += json
        needsComma = true
    }

    // MARK: Members in one line

    public mutating func member(_ name: String, _ text: String?) {
        self.name(name)
        string(text)
    }

    public mutating func member(_ name: String, _ flag: Bool?) {
        self.name(name)
        bool(flag)
    }

    public mutating func member<Integer: BinaryInteger>(_ name: String, _ number: Integer?) {
        self.name(name)
        integer(number)
    }

    public mutating func member(_ name: String, _ value: JSONValue?, sorted: Bool = false) {
        self.name(name)
        self.value(value, sorted: sorted)
    }

    // MARK: Bytes

    private static func sortedByName(_ members: [JSONValue.Member]) -> [JSONValue.Member] {
        members.sorted { UTF8Name($0.name) < UTF8Name($1.name) }
    }

    private mutating func begin(_ bracket: Unicode.Scalar) {
        separate()
        bytes.append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func end(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
    }

    private mutating func append(_ text: String) {
        separate()
        bytes += text.utf8
        needsComma = true
    }

    private mutating func append(quoted text: String) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { text in
            // Characters without escapes are written in runs.
            var start = 0
            for index in text.indices where Self.mustEscape(text[index]) {
                bytes += text[start..<index]
                append(escaped: text[index])
                start = index + 1
            }
            bytes += text[start...]
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// RFC 8259, 7: quotation mark, reverse solidus and the control characters.
    private static func mustEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private mutating func append(escaped byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): bytes += "\\\"".utf8
        case UInt8(ascii: "\\"): bytes += "\\\\".utf8
        case 0x08: bytes += "\\b".utf8
        case 0x09: bytes += "\\t".utf8
        case 0x0A: bytes += "\\n".utf8
        case 0x0C: bytes += "\\f".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0..<0x10: bytes += "\\u000\(String(byte, radix: 16))".utf8
        case 0x10..<0x20: bytes += "\\u00\(String(byte, radix: 16))".utf8
        default: preconditionFailure("byte \(byte) is written as it stands")
        }
    }
}
