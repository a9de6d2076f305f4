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

    /// An integer that is not negative: a number of things or of milliseconds.
    var count: Int64? {
        integer.flatMap { $0 >= 0 ? $0 : nil }
    }
}
