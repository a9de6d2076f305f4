// Character classes of the grammar as two 64-bit masks: one shift and one AND for each byte, no
// table.

/// A set of ASCII characters.
struct ByteSet {
    /// Bit n: character n, for 0–63.
    let low: UInt64
    /// Bit n: character 64 + n.
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        guard byte < 128 else { return false }
        let mask = byte < 64 ? low : high
        return mask &>> UInt64(byte & 63) & 1 == 1
    }

    /// tchar (RFC 9110 5.6.2).
    @inline(__always)
    static var token: ByteSet {
        ByteSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    }

    /// pchar and "/" (RFC 3986 3.3), without "%", whose two digits are checked separately.
    @inline(__always)
    static var path: ByteSet {
        ByteSet(low: 0x2FFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// The characters of a path, and "?" (RFC 3986 3.4).
    @inline(__always)
    static var query: ByteSet {
        ByteSet(low: 0xAFFF_FFD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFF)
    }

    /// unreserved and sub-delims: a registered name or IPv4 address (RFC 3986 3.2.2), without "%".
    @inline(__always)
    static var name: ByteSet {
        ByteSet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }

    /// The characters between the brackets of an IP literal.
    @inline(__always)
    static var literal: ByteSet {
        ByteSet(low: 0x2FFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    }
}

extension UInt64 {
    /// Eight bytes in memory order: the place of the first that is not a letter, a digit, "-" or
    /// ".", nor "/" if `slash` counts as plain; nil if there is none. All sets above contain these.
    @inline(__always)
    func firstNotPlain(slash isPlain: Bool) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        let word = UInt64(littleEndian: self)
        // Seven bits of each byte, so that no sum carries into the next one: its top bit shows
        // whether the byte has reached a bound.
        let bytes = word & ~tops
        let folded = bytes | ones &* 0x20
        let letters = (folded &+ ones &* (0x80 - 0x61)) & ~(folded &+ ones &* (0x80 - 0x7B))
        let others = (bytes &+ ones &* (0x80 - 0x2D)) & ~(bytes &+ ones &* (0x80 - 0x3A))
        var strange = ~(letters | others) | word
        if !isPlain { strange |= ~((bytes ^ ones &* 0x2F) &+ ones &* 0x7F) }
        strange &= tops
        return strange == 0 ? nil : strange.trailingZeroBitCount / 8
    }
}

extension UInt8 {
    @inline(__always) static var tab: UInt8 { 0x09 }
    @inline(__always) static var lineFeed: UInt8 { 0x0A }
    @inline(__always) static var carriageReturn: UInt8 { 0x0D }
    @inline(__always) static var space: UInt8 { 0x20 }

    @inline(__always)
    var isDigit: Bool { self &- 0x30 < 10 }

    @inlinable @inline(__always)
    var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }

    /// SP or HTAB, the characters of OWS and BWS.
    @inline(__always)
    var isBlank: Bool { self == .space || self == .tab }

    /// The value of a hexadecimal digit; nil for anything else.
    var hexValue: Int? {
        switch self {
        case 0x30...0x39: Int(self) - 0x30
        case 0x41...0x46: Int(self) - 0x37
        case 0x61...0x66: Int(self) - 0x57
        default: nil
        }
    }
}
