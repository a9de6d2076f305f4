// The shape of ids for which a source is asked first. A hint, not a contract: vendors may change
// their ids.

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
