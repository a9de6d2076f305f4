// Writes text into reserved output: without growth or uniqueness checks, with one copy for each
// piece.

/// Writes consecutive bytes into reserved room.
///
/// Inlined into all modules: literals become a few stores. As calls, its functions took 2,200 of
/// the 9,800 instructions of a pipelined hit.
public struct OutputCursor: ~Copyable {
    @usableFromInline var next: UnsafeMutablePointer<UInt8>
    @usableFromInline let end: UnsafeMutablePointer<UInt8>

    @usableFromInline
    init(_ room: UnsafeMutableBufferPointer<UInt8>) {
        guard let base = room.baseAddress else { preconditionFailure("no room was reserved") }
        next = base
        end = base + room.count
    }

    /// - Precondition: there is room, for this and all functions here.
    @inlinable @inline(__always)
    public mutating func append(_ text: StaticString) {
        copy(text.utf8Start, text.utf8CodeUnitCount)
    }

    @inlinable @inline(__always)
    public mutating func append(_ bytes: Span<UInt8>) {
        bytes.withUnsafeBufferPointer { bytes in
            if let base = bytes.baseAddress { copy(base, bytes.count) }
        }
    }

    @inlinable
    @_disfavoredOverload  // A literal is a `StaticString`.
    public mutating func append(_ text: String) {
        for byte in text.utf8 { put(byte) }
    }

    /// In decimal. Needs room for at least eight digits.
    @inlinable
    public mutating func append(decimal number: Int) {
        guard (0..<100_000_000).contains(number) else { return appendLong(number) }
        let digits = Self.eightDigits(decimal: UInt64(number))
        put(digits, count: 8 &- min(7, digits.trailingZeroBitCount / 8))
    }

    /// The last `count` decimal digits, at most eight, of a number under 10⁸, with leading zeros.
    /// Needs room for eight digits.
    @inlinable @inline(__always)
    public mutating func append(digits number: UInt64, count: Int) {
        precondition(number < 100_000_000 && count <= 8, "eight digits are written at once")
        put(Self.eightDigits(decimal: number), count: count)
    }

    /// The last `count` of eight digits, the first of them in the lowest byte.
    @inlinable @inline(__always)
    mutating func put(_ digits: UInt64, count: Int) {
        precondition(end - next >= 8, "room was reserved")
        let letters = (digits | 0x3030_3030_3030_3030) &>> UInt64(8 &* (8 &- count))
        UnsafeMutableRawPointer(next).storeBytes(of: letters.littleEndian, as: UInt64.self)
        next += count
    }

    /// A number under 10⁸ as eight digits, one in each byte, the first in the lowest: halved
    /// repeatedly, all parts at once, with multiplications that are exact for such small numbers.
    @inlinable @inline(__always)
    static func eightDigits(decimal number: UInt64) -> UInt64 {
        let fours = number / 10_000 | (number % 10_000) &<< 32
        let hundreds = (fours &* 10_486) &>> 20 & 0x0000_007F_0000_007F
        let twos = hundreds | (fours &- hundreds &* 100) &<< 16
        let tens = (twos &* 103) &>> 10 & 0x000F_000F_000F_000F
        return tens | (twos &- tens &* 10) &<< 8
    }

    /// For numbers of more than eight digits, digit by digit.
    @usableFromInline
    mutating func appendLong(_ number: Int) {
        if number < 0 { put(0x2D) }
        let magnitude = number.magnitude
        var divisor: UInt = 1
        while magnitude / divisor > 9 { divisor *= 10 }
        while divisor > 0 {
            put(0x30 | UInt8(magnitude / divisor % 10))
            divisor /= 10
        }
    }

    /// Sixteen hexadecimal digits.
    @inlinable @inline(__always)
    public mutating func append(hexadecimal number: UInt64) {
        precondition(end - next >= 16, "room was reserved")
        let room = UnsafeMutableRawPointer(next)
        room.storeBytes(of: Self.eightDigits(number &>> 32), as: UInt64.self)
        room.storeBytes(
            of: Self.eightDigits(number & 0xFFFF_FFFF), toByteOffset: 8, as: UInt64.self)
        next += 16
    }

    /// The eight digits of a number under 2³², as bytes in writing order: spread to one nibble in
    /// each byte, then converted to characters, all eight at once.
    @inlinable @inline(__always)
    static func eightDigits(_ number: UInt64) -> UInt64 {
        var word = (number | number &<< 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word &<< 8) & 0x00FF_00FF_00FF_00FF
        word = (word | word &<< 4) & 0x0F0F_0F0F_0F0F_0F0F
        // 1 in each byte whose digit is over 9.
        let letters = (word &+ 0x0606_0606_0606_0606) &>> 4 & 0x0101_0101_0101_0101
        let digits = (word | 0x3030_3030_3030_3030) &+ letters &* 0x27
        return digits.bigEndian
    }

    @inlinable @inline(__always)
    mutating func put(_ byte: UInt8) {
        precondition(next < end, "room was reserved")
        next.pointee = byte
        next += 1
    }

    @inlinable @inline(__always)
    mutating func copy(_ source: UnsafePointer<UInt8>, _ count: Int) {
        precondition(count <= end - next, "room was reserved")
        next.update(from: source, count: count)
        next += count
    }
}

extension [UInt8] {
    /// Appends what `write` writes, at most `bytesMax` bytes.
    @inlinable @inline(__always)
    public mutating func append(bytesMax: Int, _ write: (inout OutputCursor) -> Void) {
        append(addingCapacity: bytesMax) { output in
            output.withUnsafeMutableBufferPointer { buffer, initialized in
                var cursor = OutputCursor(
                    UnsafeMutableBufferPointer(rebasing: buffer[initialized...]))
                let start = cursor.next
                write(&cursor)
                initialized += cursor.next - start
            }
        }
    }

    /// Overwrites the beginning with what `write` writes; returns the number of bytes.
    @inlinable @inline(__always)
    public mutating func overwrite(_ write: (inout OutputCursor) -> Void) -> Int {
        withUnsafeMutableBufferPointer { room in
            var cursor = OutputCursor(room)
            let start = cursor.next
            write(&cursor)
            return cursor.next - start
        }
    }
}

extension OutputCursor {
    /// RFC 9112 4: the version is the server's, not the peer's.
    @inline(__always)
    mutating func statusLine(_ status: Int) {
        // Nearly every answer is this one.
        guard status != 200 else { return append("HTTP/1.1 200 OK\r\n") }
        append("HTTP/1.1 ")
        append(decimal: status)
        append(" ")
        append(StatusPhrase.of(status))
        endLine()
    }

    /// One field line, its end included.
    public mutating func field(_ field: Field) {
        appendText(field.name)
        append(": ")
        appendText(field.value)
        endLine()
    }

    @inlinable @inline(__always)
    public mutating func endLine() { append("\r\n") }

    /// Text from outside: characters that would end the line become spaces (RFC 9110 5.5).
    private mutating func appendText(_ text: String) {
        for byte in text.utf8 {
            put(byte == .carriageReturn || byte == .lineFeed || byte == 0 ? .space : byte)
        }
    }
}

extension [Field] {
    /// The room that `OutputCursor.field(_:)` needs for all fields.
    var wireBytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 } }
}
