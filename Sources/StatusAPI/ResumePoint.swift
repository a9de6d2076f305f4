// What the client of an event stream has seen: the `id` of each event, which comes back as
// Last-Event-ID.

internal import HTTPWire

/// One part for each action of a stream, in the order asked, joined by ".". For one action it is
/// the tag.
public struct ResumePoint: Sendable, Equatable {
    /// What the client has of one action.
    public enum Part: Sendable, Equatable {
        case nothing
        case state(EntityTag)
        /// A final problem.
        case refusal

        fileprivate var text: String {
            switch self {
            case .nothing: ""
            case .state(let tag): tag.opaque
            case .refusal: "-"
            }
        }
    }

    public var parts: [Part]

    public init(_ parts: [Part]) { self.parts = parts }

    /// A malformed part is `.nothing`. Nil if all parts are, or if there are more parts than a
    /// stream can have actions.
    init?(_ field: Span<UInt8>) {
        parts = []
        var start = 0
        while start <= field.count {
            guard parts.count < APILimits.batchIDsMax else { return nil }
            let end =
                field.firstIndex(of: UInt8(ascii: "."), in: start..<field.count) ?? field.count
            parts.append(Self.part(field.extracting(start..<end)))
            start = end + 1
        }
        guard parts.contains(where: { $0 != .nothing }) else { return nil }
    }

    private static func part(_ text: Span<UInt8>) -> Part {
        if text.equals("-", at: text.indices) { return .refusal }
        return EntityTag(opaque: text).map(Part.state) ?? .nothing
    }

    var text: String { parts.map(\.text).joined(separator: ".") }
}
