// The name of a request in logs and answers: the caller's own, or one that is made.

/// A request's id: 1 to 128 visible characters of ASCII, kept in place so that no request allocates one.
/// Large, so lent and not copied where it can be.
public struct RequestID: Sendable {
    public static let bytesMax = 128

    private var storage = InlineArray<128, UInt8>(repeating: 0)
    public private(set) var count = 0
    /// Nothing in it has to be escaped or quoted in a log.
    public private(set) var isPlain = true

    /// No id.
    public init() {}

    /// A caller's own. Empty unless it is visible ASCII and short.
    @inline(__always)
    public mutating func take(_ bytes: Span<UInt8>) {
        guard (1...Self.bytesMax).contains(bytes.count) else { return }
        for index in bytes.indices {
            let byte = bytes[index]
            guard (0x21...0x7E).contains(byte) else { return }
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "=")
            {
                isPlain = false
            }
            storage[index] = byte
        }
        count = bytes.count
    }

    /// Becomes sixteen hexadecimal digits.
    public mutating func make(_ number: UInt64) {
        for index in 0..<16 {
            let digit = UInt8(truncatingIfNeeded: number &>> UInt64(60 &- 4 &* index)) & 15
            storage[index] = digit &+ (digit < 10 ? 0x30 : 0x57)
        }
        count = 16
        isPlain = true
    }

    public var text: String {
        withSpan { $0.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } }
    }

    /// Lends the characters.
    @inline(__always)
    public borrowing func withSpan<Value>(_ body: (Span<UInt8>) -> Value) -> Value {
        body(storage.span.extracting(first: count))
    }
}

extension RequestID: Equatable {
    public static func == (a: RequestID, b: RequestID) -> Bool { a.text == b.text }
}
