// JSON values that keep the original text of numbers.

/// A JSON value (RFC 8259).
///
/// Not `indirect`: the arrays are enough indirection, and a boxed case would cost an allocation for
/// each of the four million numbers that 8 MiB can contain.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// The number's own text, so that 9007199254740993 and 1.10 keep their value.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// Members in the received order; only the last member of a repeated name is kept.
    case object([Member])

    public struct Member: Sendable, Equatable {
        public var name: String
        public var value: JSONValue

        public init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }
}
