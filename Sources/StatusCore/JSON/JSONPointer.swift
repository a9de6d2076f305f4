// JSON Pointer (RFC 6901): names one value in a JSON text.

/// The place of a value: reference tokens from the root.
public struct JSONPointer: Hashable, Sendable {
    private let tokens: [String]

    /// Nil unless the text is a pointer: empty, or reference tokens that each follow a slash, in which a
    /// tilde is `~0` and a slash is `~1` (sections 3 and 5).
    public init?(_ text: String) {
        guard text.isEmpty || text.hasPrefix("/") else { return nil }
        var tokens: [String] = []
        for part in text.split(separator: "/", omittingEmptySubsequences: false).dropFirst() {
            let escapes = part.split(separator: "~", omittingEmptySubsequences: false).dropFirst()
            guard escapes.allSatisfy({ $0.hasPrefix("0") || $0.hasPrefix("1") }) else { return nil }
            tokens.append(
                String(part).replacing("~1", with: "/").replacing("~0", with: "~"))
        }
        self.tokens = tokens
    }

    /// The value there; nil when there is none, or null.
    public func value(in root: JSONValue) -> JSONValue? {
        var value: JSONValue? = root
        for token in tokens {
            switch value {
            case .object: value = value?[token]
            case .array(let items):
                // An index has no leading zeros (section 4).
                guard let index = Int(token), String(index) == token, items.indices.contains(index)
                else { return nil }
                value = items[index]
            default: return nil
            }
        }
        return value == .null ? nil : value
    }
}
