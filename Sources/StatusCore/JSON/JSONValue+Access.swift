// Typed access to a value; nil if it has another type.

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
