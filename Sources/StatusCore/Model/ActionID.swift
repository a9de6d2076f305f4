// The name of an action as a caller gives it, valid once it exists.

/// An action id: 1–128 characters of `A–Z a–z 0–9 . _ ~ : -`, with a letter or digit first.
///
/// The text is what stands in the request after percent-decoding. Nothing in it can end a URL path
/// segment, so it can be put into an upstream path as it is (`upstreams`, trap 11). Two UUIDs that
/// differ in letter case only are equal (RFC 9562, 4).
public struct ActionID: Hashable, Sendable, CustomStringConvertible {
    public static let bytesMax = 128

    public let text: String

    /// Nil when the text is not an id.
    public init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= Self.bytesMax else { return nil }
        guard Self.isAlphanumeric(first), bytes.allSatisfy(Self.isAllowed) else { return nil }
        self.text = text
    }

    public var description: String { text }

    /// True for a byte that may stand in an id.
    public static func isAllowed(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "~") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-")
    }

    /// True for a byte that may start an id.
    public static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: false
        }
    }
}

extension ActionID {
    /// 8-4-4-4-12 hexadecimal digits.
    var isUUID: Bool {
        let bytes = text.utf8
        guard bytes.count == Self.uuidBytes else { return false }
        return bytes.enumerated().allSatisfy { offset, byte in
            switch offset {
            case 8, 13, 18, 23: byte == UInt8(ascii: "-")
            default: Self.isHexDigit(byte)
            }
        }
    }

    public static let uuidBytes = 36

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "a")...UInt8(ascii: "f"):
            true
        default: false
        }
    }
}

// MARK: - Spellings

extension ActionID {
    /// The text that all spellings of the id have in common.
    public var canonical: String { isUUID ? text.lowercased() : text }

    /// Whether the text is one of the id's spellings.
    public func isSpelled(_ bytes: Span<UInt8>) -> Bool {
        var text = text
        return text.withUTF8 { own in
            guard own.count == bytes.count else { return false }
            var isSame = true
            var isFolded = true
            for index in own.indices {
                let (a, b) = (own[index], bytes[index])
                isSame = isSame && a == b
                isFolded = isFolded && Self.folded(a) == Self.folded(b)
            }
            return isSame || isFolded && isUUID
        }
    }

    /// Of letters that are hexadecimal digits, the lower-case one.
    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte) ? byte | 0x20 : byte
    }

    public static func == (a: ActionID, b: ActionID) -> Bool {
        if a.text == b.text { return true }
        guard a.text.utf8.count == uuidBytes, b.text.utf8.count == uuidBytes else { return false }
        return a.isSpelled(b.text.utf8.span)
    }

    public func hash(into hasher: inout Hasher) {
        guard isUUID else { return hasher.combine(text) }
        for byte in text.utf8 { hasher.combine(Self.folded(byte)) }
    }
}
