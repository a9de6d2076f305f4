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

extension JSONValue {
    /// The member of that name; nil if it is absent or null, or if this is not an object.
    public subscript(name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        let value = members.first { $0.name == name }?.value
        return value == .null ? nil : value
    }

    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    public var array: [JSONValue]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    public var isObject: Bool {
        guard case .object = self else { return false }
        return true
    }

    /// The number, if it is whole: JSON has one type of number, and some writers print integers as
    /// `3.0` or `3e2`. Nil for a text or a boolean.
    public var wholeNumber: WholeNumber? {
        guard case .number(let text) = self else { return nil }
        return WholeNumber(jsonNumber: text)
    }

    /// The number as an integer, if it is whole and fits.
    public var integer: Int64? { wholeNumber.flatMap { Int64($0.text) } }
}

extension JSONValue {
    /// The objects in the array of that name. A single object counts as a list of one, as a
    /// vendor's schema has it for `failed`; an empty object is an empty list.
    func items(_ name: String) -> [JSONValue] {
        switch self[name] {
        case .array(let items): items.filter(\.isObject)
        case .object(let members): members.isEmpty ? [] : [.object(members)]
        default: []
        }
    }

    /// A count: whole and not negative, of any size.
    var count: WholeNumber? { wholeNumber.flatMap { $0.isNegative ? nil : $0 } }

    /// A number of milliseconds. Older bodies write it as a string.
    var milliseconds: Int64? {
        let number = integer ?? string.flatMap { Int64($0) }
        return number.flatMap { $0 >= 0 ? $0 : nil }
    }
}

/// A name that compares byte by byte.
///
/// `String` compares by canonical equivalence, so "é" in its two spellings is one string. RFC 8259
/// 8.3 requires code units: the two are different names, and both members are kept.
struct UTF8Name: Hashable, Comparable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: UTF8Name, b: UTF8Name) -> Bool {
        a.text.utf8.elementsEqual(b.text.utf8)
    }

    static func < (a: UTF8Name, b: UTF8Name) -> Bool {
        a.text.utf8.lexicographicallyPrecedes(b.text.utf8)
    }

    func hash(into hasher: inout Hasher) {
        let hashed: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if hashed == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}
