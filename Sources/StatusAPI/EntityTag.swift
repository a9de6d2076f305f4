// Entity tags (RFC 9110 8.8.3), one weak tag per state of an action, and the conditions that name
// them.

public import HTTPWire
public import StatusCore

/// The tag of a state. It is weak: `checked_at` and similar members change while the state does
/// not.
public struct EntityTag: Sendable, Equatable {
    public let value: UInt64

    public init(_ document: ActionDocument) { value = document.tag }

    /// Nil unless this is the opaque part of one of our tags. Letter case counts.
    public init?(opaque: Span<UInt8>) {
        guard opaque.count >= Self.digits, let value = opaque.hexadecimal(0..<Self.digits) else {
            return nil
        }
        guard Self.isCodingSuffix(opaque.extracting(droppingFirst: Self.digits)) else { return nil }
        self.value = value
    }

    private static let digits = 16

    /// What an intermediary appends when it compresses: `-gzip` or `-br` (Apache), `--gzip`
    /// (Jetty), `:gzip` (Flask-Compress), `;gzip` (older Django), or nothing.
    private static func isCodingSuffix(_ suffix: Span<UInt8>) -> Bool {
        guard !suffix.isEmpty else { return true }
        var marks = 0
        while marks < suffix.count, isMark(suffix[marks]) { marks += 1 }
        guard (1...2).contains(marks), marks < suffix.count else { return false }
        for index in marks..<suffix.count
        where !(0x61...0x7A).contains(suffix[index] | 0x20) {
            return false
        }
        return true
    }

    private static func isMark(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "-") || byte == UInt8(ascii: ":") || byte == UInt8(ascii: ";")
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
    /// `*`: matches any state.
    case any
    /// The only tag in the field that can be ours.
    case tag(EntityTag)
    /// The tags in the field that can be ours, if there are none or several.
    case tags([EntityTag])

    /// Nil if the field contains no quoted tag: a condition that cannot be read is ignored.
    public init?(_ field: Span<UInt8>) {
        if field.count == 1, field[0] == UInt8(ascii: "*") {
            self = .any
            return
        }
        // The text between quotes. An opaque part contains neither quotes nor escapes.
        var start: Int?
        var hasTags = false
        var condition = TagCondition.tags([])
        for index in field.indices where field[index] == UInt8(ascii: "\"") {
            guard let opened = start else {
                start = index + 1
                continue
            }
            start = nil
            hasTags = true
            if let tag = EntityTag(opaque: field.extracting(opened..<index)) { condition.add(tag) }
        }
        guard hasTags else { return nil }
        self = condition
    }

    private mutating func add(_ tag: EntityTag) {
        let tags = self.tags
        self = tags.isEmpty ? .tag(tag) : .tags(tags + [tag])
    }

    /// The tags that can be ours.
    var tags: [EntityTag] {
        switch self {
        case .any: []
        case .tag(let tag): [tag]
        case .tags(let tags): tags
        }
    }

    /// By the weak comparison (RFC 9110 8.8.3.2). An answer without a tag matches `*` only.
    public func matches(_ tag: EntityTag?) -> Bool {
        switch self {
        case .any: true
        case .tag(let own): own == tag
        case .tags(let tags): tag.map(tags.contains) ?? false
        }
    }

    /// The states that the caller has; nil if there are none.
    public var knownStates: [UInt64]? {
        let tags = tags
        return tags.isEmpty ? nil : tags.map(\.value)
    }
}

/// The preconditions of one request.
///
/// No answer has a modification date or ranges, so If-Modified-Since, If-Unmodified-Since and
/// If-Range are ignored (RFC 9110 13.1.3 to 13.1.5).
public struct Preconditions: Sendable, Equatable {
    public internal(set) var match: TagCondition?
    public internal(set) var noneMatch: TagCondition?

    public init() {}

    /// The effect on an answer that would be 2xx. Other answers ignore conditions (RFC 9110
    /// 13.2.1).
    public enum Verdict: Sendable {
        case serve
        /// 304.
        case notModified
        /// 412.
        case failed
    }

    /// In the order of RFC 9110 13.2.2. `tag`: nil for an answer without a tag.
    public func verdict(_ tag: EntityTag?) -> Verdict {
        // If-Match compares strongly, and a weak tag never matches strongly (RFC 9110 8.8.3.2). All
        // our tags are weak, so only `*` matches.
        if let match, match != .any { return .failed }
        if let noneMatch, noneMatch.matches(tag) { return .notModified }
        return .serve
    }

    /// The answer, or the 304 or 412 that replaces it. `tag`: nil for an answer without a tag.
    public func applied(
        to response: Response, tag: EntityTag? = nil, now: Instant
    ) -> Response {
        guard (200..<300).contains(response.status) else { return response }
        switch verdict(tag) {
        case .serve: return response
        case .notModified:
            // RFC 9110 15.4.5: without content, and without fields that describe it.
            return Response(
                status: 304, fields: response.fields.filter { $0.name != "Content-Type" })
        case .failed: return ProblemDetails.preconditionFailed.response(now: now)
        }
    }
}
