// What a value tells, if it is of the wanted kind; a value of another kind tells nothing.

extension JSONValue {
    /// The member of that name; nil when it is absent, null, or when this is no object.
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

    /// The number as an integer. `3.0` is 3: JSON knows one kind of number, and some writers print
    /// integers so. `3.5`, `3e2` and what does not fit `Int64` are not integers here.
    public var integer: Int64? {
        guard case .number(let text) = self else { return nil }
        guard let point = text.utf8.firstIndex(of: UInt8(ascii: ".")) else { return Int64(text) }
        let fraction = text.utf8[text.utf8.index(after: point)...]
        guard fraction.allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
        return Int64(text[..<point])
    }
}
