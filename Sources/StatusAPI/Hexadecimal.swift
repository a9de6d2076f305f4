// Hexadecimal digits, read eight at a time.

extension Span<UInt8> {
    /// The number that up to sixteen lower-case digits represent; nil for anything else.
    @inline(__always)
    func hexadecimal(_ digits: Range<Int>) -> UInt64? {
        var number: UInt64 = 0
        var index = digits.lowerBound
        while index + 8 <= digits.upperBound {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            guard let eight = Self.number(UInt64(bigEndian: word)) else { return nil }
            number = number << 32 | eight
            index += 8
        }
        while index < digits.upperBound {
            // The digit, with zeros in front.
            let word = 0x3030_3030_3030_3030 & ~0xFF | UInt64(self[index])
            guard let one = Self.number(word) else { return nil }
            number = number << 4 | one
            index += 1
        }
        return number
    }

    /// The number of eight digits, the first in the highest byte.
    @inline(__always)
    private static func number(_ digits: UInt64) -> UInt64? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        // The bit is set in letters, and clear in decimal digits.
        let letters = digits >> 6 & ones
        let nibbles = (digits & 0x0F0F_0F0F_0F0F_0F0F) &+ letters &* 9
        // Bytes that are no digits differ when the number is written back.
        let isLetter = (nibbles &+ ones &* 6) >> 4 & ones
        guard nibbles & 0xF0F0_F0F0_F0F0_F0F0 == 0,
            (nibbles | ones &* 0x30) &+ isLetter &* 0x27 == digits
        else { return nil }
        var number = (nibbles | nibbles >> 4) & 0x00FF_00FF_00FF_00FF
        number = (number | number >> 8) & 0x0000_FFFF_0000_FFFF
        return (number | number >> 16) & 0xFFFF_FFFF
    }
}
