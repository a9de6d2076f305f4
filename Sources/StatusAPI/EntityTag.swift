// Entity tags (RFC 9110 8.8.3): one weak tag per state of an action.

public import StatusCore

/// The tag of a state. Weak: `checked_at` and its like change while the state does not.
public struct EntityTag: Sendable, Equatable {
    public let value: UInt64

    public init(_ document: ActionDocument) { value = document.tag }

    /// Nil when that is no opaque part of ours. Compared to the letter, so "A" is not "a".
    public init?(opaque: String) {
        guard let value = UInt64(opaque, radix: 16) else { return nil }
        self.value = value
        guard self.opaque.utf8.elementsEqual(opaque.utf8) else { return nil }
    }

    /// The opaque part: 16 hexadecimal digits.
    public var opaque: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The field's value.
    public var text: String { "W/\"\(opaque)\"" }
}

/// An If-Match or If-None-Match field (RFC 9110 13.1.1, 13.1.2).
public enum TagCondition: Sendable, Equatable {
    /// `*`: anything that there is will do.
    case any
    /// Opaque parts.
    case tags([String])

    /// Nil when the field is absent, or holds nothing that looks like a tag: a condition that cannot
    /// be read is no condition.
    public init?(_ field: String?) {
        guard let field else { return nil }
        if field.utf8.elementsEqual("*".utf8) {
            self = .any
            return
        }
        let tags = Self.opaqueParts(field)
        guard !tags.isEmpty else { return nil }
        self = .tags(tags)
    }

    /// By the weak comparison (RFC 9110 8.8.3.2). What has no tag matches `*` only.
    public func matches(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tag.map { tags.contains($0.opaque) } ?? false
        }
    }

    /// Our own tags in it: the states that the caller has; nil without one.
    public var knownStates: [UInt64]? {
        guard case .tags(let tags) = self else { return nil }
        let states = tags.compactMap { EntityTag(opaque: $0)?.value }
        return states.isEmpty ? nil : states
    }

    /// What stands between quotes. An opaque part holds no quote and knows no escapes. Scalars, not
    /// characters: a combining mark is text like any other, and hides no quote.
    private static func opaqueParts(_ field: String) -> [String] {
        let parts = field.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false)
        return stride(from: 1, to: parts.count - 1, by: 2).map { String(parts[$0]) }
    }
}
