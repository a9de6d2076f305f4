// JSON strings (RFC 8259, 7): escapes, surrogate pairs, control characters.

extension JSONReader {
    mutating func string() throws(JSONFailure) -> String {
        offset += 1
        var start = offset
        var unescaped: [UInt8] = []
        while true {
            skipPlainBytes()
            switch try current() {
            case UInt8(ascii: "\""):
                defer { offset += 1 }
                if unescaped.isEmpty { return text(start..<offset) }
                return String(decoding: unescaped + bytes[start..<offset], as: UTF8.self)
            case UInt8(ascii: "\\"):
                unescaped += bytes[start..<offset]
                unescaped += try escaped().utf8
                start = offset
            default: throw .bareControlCharacter(at: offset)
            }
        }
    }

    /// Skips characters that need no decoding.
    private mutating func skipPlainBytes() {
        while offset < bytes.count {
            let byte = bytes[offset]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
            offset += 1
        }
    }

    private mutating func escaped() throws(JSONFailure) -> Unicode.Scalar {
        offset += 1
        let letter = try current()
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
            return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try escapedCodeUnits()
        default: throw .malformedEscape(at: offset - 1)
        }
    }

    /// The four digits after `\u`, and the other half of the pair when they are the first half.
    private mutating func escapedCodeUnits() throws(JSONFailure) -> Unicode.Scalar {
        let first = try fourHexDigits()
        let afterFirst = offset
        guard UTF16.isLeadSurrogate(first), skipIfThere("\\"), skipIfThere("u") else {
            offset = afterFirst
            return Unicode.Scalar(first) ?? "\u{FFFD}"
        }
        let second = try fourHexDigits()
        guard UTF16.isTrailSurrogate(second) else {
            offset = afterFirst
            return "\u{FFFD}"
        }
        let scalar = 0x1_0000 + (UInt32(first) - 0xD800) << 10 + (UInt32(second) - 0xDC00)
        return Unicode.Scalar(scalar) ?? "\u{FFFD}"
    }

    private mutating func fourHexDigits() throws(JSONFailure) -> UInt16 {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Self.hexDigit(try current()) else {
                throw .malformedEscape(at: offset)
            }
            unit = unit << 4 | digit
            offset += 1
        }
        return unit
    }

    private static func hexDigit(_ byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }
}
