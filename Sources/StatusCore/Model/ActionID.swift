// The name of an action as a caller gives it, valid once it exists.

/// An action id: 1–128 characters of `A–Z a–z 0–9 . _ ~ : -`, with a letter or digit first.
///
/// The text is what stands in the request after percent-decoding. Nothing in it can end a URL path
/// segment, so it can be put into an upstream path as it is (`upstreams`, trap 11).
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

    private init(kept text: String) { self.text = text }

    public var description: String { text }

    /// The name under which calls of an upstream's list are made and kept, in place of an action's:
    /// no caller can say it.
    public static let list = ActionID(kept: "*")

    /// An id that a store has kept.
    public static func kept(_ text: String) -> ActionID? {
        text == list.text ? list : ActionID(text)
    }

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
    /// The upstream that the id's shape suggests: a UUID is an order action, `aa_…` a voucher
    /// action. A hint, not a contract: both vendors may change their form.
    public var suggestedSource: Source? {
        if text.hasPrefix("aa_") { return .vouchers }
        return isUUID ? .orders : nil
    }

    private var isUUID: Bool {
        let groups = text.utf8.split(
            separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12] else { return false }
        return groups.joined().allSatisfy(Self.isHexDigit)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "F"),
            UInt8(ascii: "a")...UInt8(ascii: "f"):
            true
        default: false
        }
    }
}
