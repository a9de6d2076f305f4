// The key in an Authorization field (RFC 6750 2.1): found in place, so that a hot path need not copy it.

public import HTTPWire

public enum BearerKey {
    /// A longer one is nobody's: it is not even looked at.
    public static let bytesMax = 512

    /// Where the key stands in the bytes of the head. Nil without the field, with two of them, and
    /// with another scheme.
    public static func find(
        in head: borrowing RequestHead, _ bytes: Span<UInt8>
    ) -> Range<Int>? {
        guard head.count(of: "authorization", in: bytes) == 1,
            let value = head.firstValue(of: "authorization", in: bytes)
        else { return nil }
        let scheme: StaticString = "bearer "
        guard value.count > scheme.utf8CodeUnitCount else { return nil }
        // RFC 9110 11.1: the scheme's case does not count.
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
