// Entity tags (RFC 9110 8.8.3): one weak tag per state of an action.

public import StatusCore

/// The tag of a state. Weak: `checked_at` and its like change while the state does not.
public struct EntityTag: Sendable, Equatable {
    public let value: UInt64

    public init(_ document: ActionDocument) { value = document.tag }

    /// Nil when that is no opaque part of ours. Compared to the letter, so "A" is not "a".
    public init?(opaque: String) {
        let digits = opaque.utf8.prefix(Self.digits)
        guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: 16) else {
            return nil
        }
        self.value = value
        guard self.opaque.utf8.elementsEqual(digits),
            Self.isCodingSuffix(opaque.utf8.dropFirst(Self.digits))
        else { return nil }
    }

    private static let digits = 16

    /// What a server in between appends when it compresses: `-gzip` or `-br` (Apache), `--gzip`
    /// (Jetty), `:gzip` (Flask-Compress), `;gzip` (older Django). Nothing is one, too.
    private static func isCodingSuffix(_ suffix: Substring.UTF8View) -> Bool {
        let coding = suffix.drop { "-:;".utf8.contains($0) }
        let isWord = !coding.isEmpty && coding.allSatisfy { $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A }
        return suffix.isEmpty || isWord && (1...2).contains(suffix.count - coding.count)
    }

    /// The opaque part: 16 hexadecimal digits.
    public var opaque: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: Self.digits - digits.count) + digits
    }

    /// The field's value.
    public var text: String { "W/\"\(opaque)\"" }
}

/// An If-Match or If-None-Match field (RFC 9110 13.1.1, 13.1.2).
public enum TagCondition: Sendable, Equatable {
    /// `*`: anything that there is will do.
    case any
    /// Those of the tags that are ours.
    case tags([EntityTag])

    /// Nil when the field is absent, or holds nothing that looks like a tag: a condition that cannot
    /// be read is no condition.
    public init?(_ field: String?) {
        guard let field else { return nil }
        if field.utf8.elementsEqual("*".utf8) {
            self = .any
            return
        }
        let parts = Self.opaqueParts(field)
        guard !parts.isEmpty else { return nil }
        self = .tags(parts.compactMap(EntityTag.init))
    }

    /// By the weak comparison (RFC 9110 8.8.3.2). What has no tag matches `*` only.
    public func matches(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tags(let tags): tag.map(tags.contains) ?? false
        }
    }

    /// The states that the caller has; nil without one.
    public var knownStates: [UInt64]? {
        guard case .tags(let tags) = self, !tags.isEmpty else { return nil }
        return tags.map(\.value)
    }

    /// What stands between quotes. An opaque part holds no quote and knows no escapes. Scalars, not
    /// characters: a combining mark is text like any other, and hides no quote.
    private static func opaqueParts(_ field: String) -> [String] {
        let parts = field.unicodeScalars.split(separator: "\"", omittingEmptySubsequences: false)
        return stride(from: 1, to: parts.count - 1, by: 2).map { String(parts[$0]) }
    }
}
