// The key in an Authorization field (RFC 6750 2.1): found in place, so that it need not be copied.

import HTTPWire

enum BearerKey {
    /// A longer key is unknown without a look-up.
    static let bytesMax = 512

    /// The key's place in the bytes of the head; nil with another scheme.
    static func find(at value: Range<Int>, in bytes: Span<UInt8>) -> Range<Int>? {
        let scheme: StaticString = "bearer "
        guard value.count > scheme.utf8CodeUnitCount else { return nil }
        // RFC 9110 11.1: the scheme is case-insensitive.
        for offset in 0..<scheme.utf8CodeUnitCount
        where bytes[value.lowerBound + offset] | 0x20 != scheme.utf8Start[offset] {
            return nil
        }
        var start = value.lowerBound + scheme.utf8CodeUnitCount
        while start < value.upperBound, bytes[start] == UInt8(ascii: " ") { start += 1 }
        let key = start..<value.upperBound
        return (1...bytesMax).contains(key.count) ? key : nil
    }
}
