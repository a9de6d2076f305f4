// The id of an action, as a caller gives it, and the shape of a source's ids. An id is always
// valid.

/// An action id: 1–128 characters of `A–Z a–z 0–9 . _ ~ : -`, with a letter or digit first.
///
/// The text is percent-decoded. It contains nothing that can end a URL path segment, so it needs no
/// encoding in an upstream path. Two UUIDs that differ in letter case only are equal (RFC 9562, 4).
public struct ActionID: Hashable, Sendable, CustomStringConvertible {
    public static let bytesMax = 128

    public let text: String

    /// Nil when the text is not an id.
    public init?(_ text: String) {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= Self.bytesMax else { return nil }
        guard Self.isAlphanumeric(first), bytes.allSatisfy(Self.isAllowed) else { return nil }
        // Kept for a day: what made the text may have reserved twice as much.
        self.text = String(decoding: Array(bytes), as: UTF8.self)
    }

    public var description: String { text }

    /// Whether an id may contain the byte.
    public static func isAllowed(_ byte: UInt8) -> Bool {
        isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "~") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: "-")
    }

    /// Whether an id may start with the byte.
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
    var isUUID: Bool { Self.isUUID(text.utf8.span) }

    private static func isUUID(_ bytes: Span<UInt8>) -> Bool {
        guard bytes.count == uuidBytes else { return false }
        for index in bytes.indices {
            let isHyphen = bytes[index] == UInt8(ascii: "-")
            switch index {
            case 8, 13, 18, 23: guard isHyphen else { return false }
            default: guard isHexDigit(bytes[index]) else { return false }
            }
        }
        return true
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
    /// The canonical spelling of the id.
    public var canonical: String { isUUID ? text.lowercased() : text }

    /// Whether the text is one of the id's spellings.
    public func isSpelled(_ bytes: Span<UInt8>) -> Bool {
        Self.areSpellings(text.utf8.span, bytes)
    }

    static func areSpellings(_ a: Span<UInt8>, _ b: Span<UInt8>) -> Bool {
        guard a.count == b.count else { return false }
        if areSame(a.bytes, b.bytes) { return true }
        for index in a.indices where folded(a[index]) != folded(b[index]) { return false }
        return isUUID(a)
    }

    /// Eight bytes at a time. Of two that are equally long.
    private static func areSame(_ a: RawSpan, _ b: RawSpan) -> Bool {
        var index = 0
        while index + 8 <= a.byteCount {
            let word = a.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            guard
                word == b.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self)
            else { return false }
            index += 8
        }
        while index < a.byteCount {
            guard
                a.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
                    == b.unsafeLoad(fromUncheckedByteOffset: index, as: UInt8.self)
            else { return false }
            index += 1
        }
        return true
    }

    /// The lower-case form of a hexadecimal letter.
    private static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte) ? byte | 0x20 : byte
    }

    public static func == (a: ActionID, b: ActionID) -> Bool {
        if a.text == b.text { return true }
        guard a.text.utf8.count == uuidBytes, b.text.utf8.count == uuidBytes else { return false }
        return areSpellings(a.text.utf8.span, b.text.utf8.span)
    }

    public func hash(into hasher: inout Hasher) {
        guard isUUID else { return hasher.combine(text) }
        for byte in text.utf8 { hasher.combine(Self.folded(byte)) }
    }
}

// MARK: - Hashes

extension ActionID {
    /// The same for all spellings; nobody who does not know the seed can make ids collide.
    public func hash(seed: UInt64) -> UInt64 { Self.hash(text.utf8.span, seed: seed) }

    /// Multiply and fold, eight bytes at a time. Letter case does not count where it may not: in a UUID.
    public static func hash(_ text: Span<UInt8>, seed: UInt64) -> UInt64 {
        let bytes = text.bytes
        let lower: UInt64 = text.count == uuidBytes ? 0x2020_2020_2020_2020 : 0
        var hash = seed ^ UInt64(text.count)
        var index = 0
        while index + 8 <= text.count {
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = mix(hash ^ (word | lower))
            index += 8
        }
        var rest: UInt64 = 0
        while index < text.count {
            rest = rest << 8 | UInt64(text[index])
            index += 1
        }
        return mix(hash ^ (rest | lower))
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        let (high, low) = word.multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
        return high ^ low
    }
}

/// The shape of ids for which a source is asked first. A hint, not a contract: vendors may change
/// their ids.
public enum IDPattern: Hashable, Sendable, LosslessStringConvertible {
    case uuid
    case prefix(String)
    case any

    /// From `uuid`, `prefix:TEXT` or `any`.
    public init?(_ text: String) {
        switch text {
        case "uuid": self = .uuid
        case "any": self = .any
        default:
            let prefix = text.dropFirst(Self.prefixWord.count)
            guard text.hasPrefix(Self.prefixWord), ActionID(String(prefix)) != nil else {
                return nil
            }
            self = .prefix(String(prefix))
        }
    }

    public static let form = "uuid, any, or prefix: and how the ids begin, like prefix:aa_"

    private static let prefixWord = "prefix:"

    public var description: String {
        switch self {
        case .uuid: "uuid"
        case .prefix(let prefix): Self.prefixWord + prefix
        case .any: "any"
        }
    }

    public func fits(_ id: ActionID) -> Bool {
        switch self {
        case .uuid: id.isUUID
        case .prefix(let prefix): id.text.hasPrefix(prefix)
        case .any: true
        }
    }
}
