// Text into a span of output that was reserved before: no growth, no uniqueness checks, one copy.

extension OutputSpan<UInt8> {
    /// - Precondition: there is room, as for every function here.
    @inline(__always)
    public mutating func append(_ text: StaticString) {
        copy(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { copy($0) }
    }

    /// In decimal.
    @inline(__always)
    public mutating func append(decimal number: Int) {
        if number < 0 { append(UInt8(ascii: "-")) }
        let magnitude = UInt64(number.magnitude)
        var count = 1
        var bound: UInt64 = 10
        while count < 19, magnitude >= bound {
            count += 1
            bound &*= 10
        }
        append(digits: magnitude, count: count)
    }

    /// The last `count` decimal digits, zeros in front.
    @inline(__always)
    public mutating func append(digits number: UInt64, count: Int) {
        withUnsafeMutableBufferPointer { buffer, initialized in
            precondition(initialized + count <= buffer.count)
            var rest = number
            for offset in stride(from: count - 1, through: 0, by: -1) {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                buffer[initialized + offset] = 0x30 | UInt8(truncatingIfNeeded: digit)
                rest = quotient
            }
            initialized += count
        }
    }

    /// Sixteen hexadecimal digits.
    @inline(__always)
    public mutating func append(hexadecimal number: UInt64) {
        withUnsafeMutableBufferPointer { buffer, initialized in
            precondition(initialized + 16 <= buffer.count)
            for offset in 0..<16 {
                let digit = UInt8(truncatingIfNeeded: number &>> UInt64(60 &- 4 &* offset)) & 15
                buffer[initialized + offset] = digit &+ (digit < 10 ? 0x30 : 0x57)
            }
            initialized += 16
        }
    }

    @inline(__always)
    private mutating func copy(_ bytes: UnsafeBufferPointer<UInt8>) {
        withUnsafeMutableBufferPointer { buffer, initialized in
            precondition(initialized + bytes.count <= buffer.count)
            guard let source = bytes.baseAddress, let base = buffer.baseAddress else { return }
            (base + initialized).update(from: source, count: bytes.count)
            initialized += bytes.count
        }
    }
}
