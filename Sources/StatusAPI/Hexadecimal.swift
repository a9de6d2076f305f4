// Hexadecimal digits, read eight at a time, and percent-encoding (RFC 3986 2.1), decoded.

import HTTPWire

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

/// Decodes percent-encoding (RFC 3986 2.1).
public enum PercentCoding {
    /// The decoded text; nil if an escape is malformed or the octets are not UTF-8.
    public static func decode(_ encoded: Span<UInt8>, plusIsBlank: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.count)
        var index = 0
        while index < encoded.count {
            if encoded[index] == UInt8(ascii: "%") {
                guard index + 2 < encoded.count, let high = hexValue(encoded[index + 1]),
                    let low = hexValue(encoded[index + 2])
                else { return nil }
                bytes.append(high << 4 | low)
                index += 3
            } else {
                let isBlank = plusIsBlank && encoded[index] == UInt8(ascii: "+")
                bytes.append(isBlank ? UInt8(ascii: " ") : encoded[index])
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    public static func isEscaped(_ text: Span<UInt8>) -> Bool {
        text.firstIndex(of: UInt8(ascii: "%"), in: text.indices) != nil
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
