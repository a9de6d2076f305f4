// The name of a configured upstream account, and a value for each name.

/// A source, by its configured name: `[a-z][a-z0-9-]{0,31}`.
///
/// The name's bytes are the value, so copying and comparing one costs no more than a few words.
public struct Source: Hashable, Comparable, Sendable, LosslessStringConvertible {
    public static let nameBytesMax = 32
    /// The most sources of one process.
    public static let countMax = 16

    /// The name's bytes, the first in the highest byte of the first word; zeros follow the last.
    ///
    /// Not a `SIMD4`: its alignment of 32 bytes exceeds the allocator's default.
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// Nil when the text is not a name.
    public init?(_ name: String) {
        let bytes = name.utf8
        guard let first = bytes.first, bytes.count <= Self.nameBytesMax, Self.isLetter(first),
            bytes.allSatisfy(Self.mayStandInName)
        else { return nil }
        var words = [UInt64](repeating: 0, count: 4)
        for (index, byte) in bytes.enumerated() {
            words[index / 8] |= UInt64(byte) << (56 - 8 * UInt64(index % 8))
        }
        self.words = (words[0], words[1], words[2], words[3])
    }

    public var name: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    public var description: String { name }

    /// By their names' bytes.
    public static func < (a: Source, b: Source) -> Bool {
        a.words < b.words
    }

    public static func == (a: Source, b: Source) -> Bool { a.words == b.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }

    /// The name's bytes, in place.
    public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        let bytes = (
            words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
        )
        return withUnsafeBytes(of: bytes) { bytes in
            bytes.withMemoryRebound(to: UInt8.self) {
                body(UnsafeBufferPointer(rebasing: $0.prefix(byteCount)))
            }
        }
    }

    private var byteCount: Int {
        func count(_ word: UInt64) -> Int { 8 - word.trailingZeroBitCount / 8 }
        if words.1 == 0 { return count(words.0) }
        if words.2 == 0 { return 8 + count(words.1) }
        return words.3 == 0 ? 16 + count(words.2) : 24 + count(words.3)
    }

    public func isNamed(_ text: Span<UInt8>) -> Bool {
        guard text.count <= Self.nameBytesMax, !text.isEmpty else { return false }
        for index in text.indices where text[index] != byte(at: index) { return false }
        return text.count == Self.nameBytesMax || byte(at: text.count) == 0
    }

    private func byte(at index: Int) -> UInt8 {
        let word =
            switch index / 8 {
            case 0: words.0
            case 1: words.1
            case 2: words.2
            default: words.3
            }
        return UInt8(truncatingIfNeeded: word >> (56 - 8 * UInt64(index % 8)))
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    private static func mayStandInName(_ byte: UInt8) -> Bool {
        isLetter(byte) || byte == UInt8(ascii: "-")
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// A value for each of a few sources.
public struct PerSource<Value> {
    /// In their fixed order.
    public let sources: [Source]
    private var values: [Value?]

    /// Makes each value from its source.
    public init(_ sources: [Source], _ value: (Source) throws -> Value) rethrows {
        self.init(sources: sources, values: try sources.map(value))
    }

    public init(_ pairs: [(Source, Value)]) {
        self.init(sources: pairs.map(\.0), values: pairs.map(\.1))
    }

    init(sources: [Source], values: [Value?]) {
        self.sources = sources
        self.values = values
    }

    /// The same sources, with other values.
    public func map<Other>(_ change: (Value) throws -> Other) rethrows -> PerSource<Other> {
        try PerSource<Other>(sources: sources, values: values.map { try $0.map(change) })
    }

    /// Nil for a source that is not configured; an assignment to it has no effect.
    public subscript(source: Source) -> Value? {
        get { sources.firstIndex(of: source).flatMap { values[$0] } }
        _modify {
            var none: Value?
            if let index = sources.firstIndex(of: source) {
                yield &values[index]
            } else {
                yield &none
            }
        }
    }
}

extension PerSource: Sendable where Value: Sendable {}
extension PerSource: Equatable where Value: Equatable {}
