// A JSON number that is whole, in any notation: `10`, `10.0`, `1E+1`, `100e-1`.

/// An integer of any size, as its digits.
public struct WholeNumber: Sendable, Equatable, ExpressibleByIntegerLiteral {
    /// Its digits, after a minus when it is negative: a JSON number. A number of more than
    /// ``digitsMax`` digits keeps its notation.
    public let text: String
    public let isZero: Bool

    /// The number of digits of the largest double: `1e999999999` is not expanded.
    public static let digitsMax = 309

    public var isNegative: Bool { text.utf8.first == UInt8(ascii: "-") }

    public init(integerLiteral number: Int64) {
        text = String(number)
        isZero = number == 0
    }

    /// Nil unless the JSON number (RFC 8259, 6) is whole.
    init?(jsonNumber written: String) {
        var rest = written.utf8[...]
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        let mantissa = rest.prefix { $0 | 0x20 != UInt8(ascii: "e") }
        let exponent = Self.exponent(rest.dropFirst(mantissa.count).dropFirst())
        let fraction = mantissa.drop { $0 != UInt8(ascii: ".") }.dropFirst()
        var digits = mantissa.filter { $0 != UInt8(ascii: ".") }[...]
        digits = digits.drop { $0 == UInt8(ascii: "0") }
        isZero = digits.isEmpty
        guard !isZero else {
            text = "0"
            return
        }
        let significant = digits.count - digits.reversed().prefix { $0 == UInt8(ascii: "0") }.count
        // The power of ten of the last nonzero digit.
        let place = exponent - fraction.count + digits.count - significant
        guard place >= 0 else { return nil }
        guard place <= Self.digitsMax - significant else {
            text = written
            return
        }
        text =
            (isNegative ? "-" : "") + String(decoding: digits.prefix(significant), as: UTF8.self)
            + String(repeating: "0", count: place)
    }

    /// An exponent that does not fit is clamped to a value far beyond any text's length.
    private static func exponent(_ text: Substring.UTF8View) -> Int {
        guard !text.isEmpty else { return 0 }
        let bound = 1 << 40
        let isNegative = text.first == UInt8(ascii: "-")
        let number = Int(String(decoding: text, as: UTF8.self))
        return number.map { min(max($0, -bound), bound) } ?? (isNegative ? -bound : bound)
    }
}
