// Typed access to values that several upstreams' bodies need.

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
