// A position in a short text of digits and separators, such as a date.

/// Reads ASCII digits and the separators between them.
struct DigitCursor {
    private var rest: Substring.UTF8View

    init(_ text: some StringProtocol) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    /// Skips that separator if it is here.
    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: mark) else { return false }
        rest.removeFirst()
        return true
    }

    /// All consecutive digits here, each as its value.
    mutating func digits() -> [Int64] {
        let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        rest = rest.dropFirst(digits.count)
        return digits.map { Int64($0 - UInt8(ascii: "0")) }
    }

    /// A number with that many digits; nil if there are more or fewer.
    mutating func number(digits range: ClosedRange<Int>) -> Int64? {
        let digits = digits()
        guard range.contains(digits.count) else { return nil }
        return digits.reduce(0) { $0 * 10 + $1 }
    }

    mutating func number(digits count: Int) -> Int64? {
        number(digits: count...count)
    }
}
