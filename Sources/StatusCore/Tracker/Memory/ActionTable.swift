// The tracked actions by id: what a dictionary would be, with its values kept apart from its buckets.

/// Tracked actions. A value of it is independent of its copies.
///
/// A dictionary has up to two and a half times as many buckets as entries, and an action is large:
/// kept in them, 100,000 actions took 240 MB for themselves.
struct ActionTable: Sendable {
    private var places: [ActionID: Place] = [:]

    /// A dictionary that grows moves all that it has, which takes 38 ms for 50,000 actions: it does not
    /// grow before that many.
    init(capacity: Int) { places.reserveCapacity(min(capacity, Self.reservedMax)) }

    private static let reservedMax = 100_000

    var count: Int { places.count }

    subscript(id: ActionID) -> TrackedAction? {
        get { places[id]?.action }
        _modify {
            guard let index = places.index(forKey: id) else {
                var newcomer: TrackedAction?
                yield &newcomer
                if let newcomer { places[id] = Place(newcomer) }
                return
            }
            if !isKnownUniquelyReferenced(&places.values[index]) {
                places.values[index] = Place(places.values[index].action)
            }
            let place = places.values[index]
            yield &place.action
            if place.action == nil { places[id] = nil }
        }
    }

    @discardableResult
    mutating func removeValue(forKey id: ActionID) -> TrackedAction? {
        places.removeValue(forKey: id)?.action
    }
}

/// `@unchecked Sendable`: changed only through a table that refers to it alone.
private final class Place: @unchecked Sendable {
    var action: TrackedAction?

    init(_ action: TrackedAction?) { self.action = action }
}
