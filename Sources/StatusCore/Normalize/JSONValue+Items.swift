// Readings of a value that both upstreams' bodies need.

extension JSONValue {
    /// The objects in the array of that name. One object alone is taken for a list of one, because
    /// a vendor's schema says so of `failed`; an empty object is an empty list.
    func items(_ name: String) -> [JSONValue] {
        switch self[name] {
        case .array(let items): items.filter(\.isObject)
        case .object(let members): members.isEmpty ? [] : [.object(members)]
        default: []
        }
    }

    /// A number of things: whole and not negative, of any size.
    var count: WholeNumber? { wholeNumber.flatMap { $0.isNegative ? nil : $0 } }

    /// A number of milliseconds. Older bodies write it as a string.
    var milliseconds: Int64? {
        let number = integer ?? string.flatMap { Int64($0) }
        return number.flatMap { $0 >= 0 ? $0 : nil }
    }
}
