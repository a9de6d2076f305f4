// Failures of reading JSON, and the limits of a text.

/// The limits of a JSON text.
public struct JSONLimits: Sendable, Equatable {
    /// Bytes of the whole text.
    public var bytesMax: Int
    /// The nesting of arrays and objects. The reader recurses once for each level, so this also
    /// bounds its stack; a scalar alone has no level.
    public var levelsMax: Int

    public init(bytesMax: Int = 8 * 1024 * 1024, levelsMax: Int = 64) {
        self.bytesMax = bytesMax
        self.levelsMax = levelsMax
    }

    /// 8 MiB, 64 levels.
    public static let standard = JSONLimits()
}

/// The mistake in a text, with its byte offset.
public enum JSONFailure: Error, Sendable, Equatable {
    /// The text has more bytes than the limit, which is the offset.
    case tooLarge(at: Int)
    case tooDeep(at: Int)
    case invalidUTF8(at: Int)
    /// The text stops where something must follow.
    case endedEarly(at: Int)
    /// A byte that is invalid at this place.
    case unexpectedByte(at: Int)
    case malformedLiteral(at: Int)
    case malformedNumber(at: Int)
    case malformedEscape(at: Int)
    /// An unescaped control character in a string.
    case bareControlCharacter(at: Int)
    /// Something other than white space follows the value.
    case trailingContent(at: Int)

    /// The byte at which reading stopped, from 0.
    public var offset: Int {
        switch self {
        case .tooLarge(let at), .tooDeep(let at), .invalidUTF8(let at), .endedEarly(let at),
            .unexpectedByte(let at), .malformedLiteral(let at), .malformedNumber(let at),
            .malformedEscape(let at), .bareControlCharacter(let at), .trailingContent(let at):
            at
        }
    }
}
