// Why a text was not read as JSON, and the bounds that such a text has to keep.

/// How much JSON is read at most.
public struct JSONLimits: Sendable, Equatable {
    /// Bytes of the whole text.
    public var bytesMax: Int
    /// Arrays and objects within each other. The reader descends once a level, so this also bounds
    /// its stack; a scalar alone has no level.
    public var levelsMax: Int

    public init(bytesMax: Int = 8 * 1024 * 1024, levelsMax: Int = 64) {
        self.bytesMax = bytesMax
        self.levelsMax = levelsMax
    }

    /// 8 MiB, 64 levels.
    public static let standard = JSONLimits()
}

/// What was wrong with a text, and at which byte of it.
public enum JSONFailure: Error, Sendable, Equatable {
    /// The text has more bytes than the limit, which is the offset.
    case tooLarge(at: Int)
    case tooDeep(at: Int)
    case invalidUTF8(at: Int)
    /// The text stops where something must follow.
    case endedEarly(at: Int)
    /// A byte that cannot stand there: no value, no comma, no colon, no closing bracket.
    case unexpectedByte(at: Int)
    case malformedLiteral(at: Int)
    case malformedNumber(at: Int)
    case malformedEscape(at: Int)
    /// A control character within a string, not escaped.
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
