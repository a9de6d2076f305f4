// Reads JSON: the bytes of one whole text come in, a value or a failure goes out.

/// A strict reader of RFC 8259, for bytes from outside: any input ends in a value or a failure, in
/// time linear in its length, with a bounded stack.
///
/// Where the RFC leaves a choice:
/// - One byte order mark at the start is skipped (8.1 allows it; some gateways add it).
/// - Of a repeated name the last member counts, as with most readers (4).
/// - Half of a surrogate pair becomes U+FFFD (8.2 calls it unpredictable). A Swift string cannot
///   contain it, and one invalid character in a message must not hide the action's status.
public struct JSONReader {
    let bytes: [UInt8]
    private let limits: JSONLimits
    var offset = 0
    private var level = 0

    /// Reads a text that must be exactly one value.
    public static func read(
        _ bytes: [UInt8], limits: JSONLimits = .standard
    ) throws(JSONFailure) -> JSONValue {
        guard bytes.count <= limits.bytesMax else { throw .tooLarge(at: limits.bytesMax) }
        try checkUTF8(bytes)
        var reader = JSONReader(bytes: bytes, limits: limits)
        return try reader.wholeText()
    }

    /// Checked once for the whole text: it is split at ASCII bytes only, so its parts are valid,
    /// too.
    private static func checkUTF8(_ bytes: [UInt8]) throws(JSONFailure) {
        do throws(UTF8.ValidationError) {
            _ = try UTF8Span(validating: bytes.span)
        } catch {
            throw .invalidUTF8(at: error.byteOffsets.lowerBound)
        }
    }

    private init(bytes: [UInt8], limits: JSONLimits) {
        self.bytes = bytes
        self.limits = limits
    }

    private mutating func wholeText() throws(JSONFailure) -> JSONValue {
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
        let value = try value()
        skipWhiteSpace()
        guard offset == bytes.count else { throw .trailingContent(at: offset) }
        return value
    }

    // MARK: Values (RFC 8259, 3)

    private mutating func value() throws(JSONFailure) -> JSONValue {
        skipWhiteSpace()
        switch try current() {
        case UInt8(ascii: "{"): return .object(try members())
        case UInt8(ascii: "["): return .array(try items())
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: throw .unexpectedByte(at: offset)
        }
    }

    private mutating func literal(
        _ text: StaticString, _ value: JSONValue
    ) throws(JSONFailure) -> JSONValue {
        for index in 0..<text.utf8CodeUnitCount {
            guard try current() == text.utf8Start[index] else {
                throw .malformedLiteral(at: offset)
            }
            offset += 1
        }
        return value
    }

    // MARK: Arrays and objects (RFC 8259, 4 and 5)

    private mutating func items() throws(JSONFailure) -> [JSONValue] {
        try descend()
        var items: [JSONValue] = []
        if try closes(with: "]") { return items }
        while true {
            items.append(try value())
            if try ends(with: "]") { return items }
        }
    }

    private mutating func members() throws(JSONFailure) -> [JSONValue.Member] {
        try descend()
        var members: [JSONValue.Member] = []
        if try closes(with: "}") { return members }
        while true {
            members.append(try member())
            if try ends(with: "}") { return Self.lastOfEachName(members) }
        }
    }

    private mutating func member() throws(JSONFailure) -> JSONValue.Member {
        skipWhiteSpace()
        guard try current() == UInt8(ascii: "\"") else { throw .unexpectedByte(at: offset) }
        let name = try string()
        skipWhiteSpace()
        guard try skip(":") else { throw .unexpectedByte(at: offset) }
        return JSONValue.Member(name, try value())
    }

    /// Uses hashes with the process's random seed, so that many equal or maliciously chosen names
    /// cost only linear time.
    private static func lastOfEachName(_ members: [JSONValue.Member]) -> [JSONValue.Member] {
        guard members.count > 1 else { return members }
        var seen = Set<UTF8Name>(minimumCapacity: members.count)
        let isLast = members.reversed().map { seen.insert(UTF8Name($0.name)).inserted }
        guard seen.count < members.count else { return members }
        return zip(members, isLast.reversed()).filter(\.1).map(\.0)
    }

    /// Skips the opening bracket.
    private mutating func descend() throws(JSONFailure) {
        guard level < limits.levelsMax else { throw .tooDeep(at: offset) }
        level += 1
        offset += 1
    }

    /// If the closing bracket is here, leaves the level and returns true.
    private mutating func closes(with bracket: Unicode.Scalar) throws(JSONFailure) -> Bool {
        skipWhiteSpace()
        guard try skip(bracket) else { return false }
        level -= 1
        return true
    }

    /// After an item: true at the closing bracket, false at a comma.
    private mutating func ends(with bracket: Unicode.Scalar) throws(JSONFailure) -> Bool {
        if try closes(with: bracket) { return true }
        guard try skip(",") else { throw .unexpectedByte(at: offset) }
        return false
    }

    // MARK: Numbers (RFC 8259, 6)

    private mutating func number() throws(JSONFailure) -> String {
        let start = offset
        skipIfThere("-")
        if !skipIfThere("0") { try digits() }
        if skipIfThere(".") { try digits() }
        if skipIfThere("e") || skipIfThere("E") {
            if !skipIfThere("+") { skipIfThere("-") }
            try digits()
        }
        return text(start..<offset)
    }

    /// One digit or more.
    private mutating func digits() throws(JSONFailure) {
        let start = offset
        while offset < bytes.count, Self.isDigit(bytes[offset]) { offset += 1 }
        guard offset == start else { return }
        throw offset < bytes.count ? .malformedNumber(at: offset) : .endedEarly(at: offset)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    // MARK: The cursor

    /// The current byte; throws at the end of the text.
    func current() throws(JSONFailure) -> UInt8 {
        guard offset < bytes.count else { throw .endedEarly(at: offset) }
        return bytes[offset]
    }

    /// Skips that byte if it is here; throws at the end of the text.
    private mutating func skip(_ scalar: Unicode.Scalar) throws(JSONFailure) -> Bool {
        guard try current() == UInt8(ascii: scalar) else { return false }
        offset += 1
        return true
    }

    /// Skips that byte if it is here; the text may end here.
    @discardableResult
    mutating func skipIfThere(_ scalar: Unicode.Scalar) -> Bool {
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: scalar) else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return
            }
        }
    }

    func text(_ range: Range<Int>) -> String {
        String(decoding: bytes[range], as: UTF8.self)
    }
}
