// The actions in memory, by id: a table whose slots do not move, and an index of them.

/// Tracked actions, and retired ones: finished and without callers, so that only their published answers are
/// kept. An action that is requested again is both for a while. The table is a value: changes to a copy do
/// not affect the original.
///
/// It takes 30 bytes for each action; two dictionaries, a third for the sizes and a queue of ids took 250.
struct ActionTable: Sendable {
    /// The number of an action's slot, as long as the action is in the table.
    typealias Place = UInt32

    private struct Slot: Sendable {
        var tracked: Tracked?
        var retired: Snapshot?
        var bytes: UInt32 = 0
        var hash: UInt32 = 0

        var isEmpty: Bool { tracked == nil && retired == nil }

        func isAbout(_ id: ActionID) -> Bool {
            if let tracked { return tracked.id == id }
            return retired?.isAbout(id.text.utf8.span) == true
        }
    }

    private var slots: [Slot] = []
    private var free: [Place] = []
    /// Open addressing with linear probing: a place plus one, or zero for an empty cell. The size is a power
    /// of two, and at most three quarters are in use.
    private var index: [Place]
    private let seed: UInt64

    /// Actions that are tracked.
    private(set) var count = 0
    private(set) var retiredCount = 0
    /// The size of all states and their compressed forms.
    private(set) var bytes = 0

    /// Room is reserved for that many actions, since a table that grows moves all of them.
    init(capacity: Int, seed: UInt64) {
        let capacity = min(capacity, Self.reservedMax)
        slots.reserveCapacity(capacity)
        index = Self.emptyIndex(for: capacity)
        self.seed = seed
    }

    private static let reservedMax = 100_000
}

/// `@unchecked Sendable`: changed only by a table that holds the only reference.
private final class Tracked: @unchecked Sendable {
    let id: ActionID
    var action: TrackedAction?

    init(_ id: ActionID, _ action: TrackedAction?) {
        self.id = id
        self.action = action
    }
}

// MARK: - Actions

extension ActionTable {
    /// An action that is tracked.
    subscript(id: ActionID) -> TrackedAction? {
        get { place(of: id).flatMap { slots[Int($0)].tracked?.action } }
        _modify {
            guard let place = place(of: id), let tracked = ownTracked(at: place) else {
                var newcomer: TrackedAction?
                yield &newcomer
                if let newcomer { track(id, newcomer) }
                return
            }
            yield &tracked.action
            if tracked.action == nil { untrack(place) }
        }
    }

    /// For a change: a copy of this table's own, if other tables refer to it.
    private mutating func ownTracked(at place: Place) -> Tracked? {
        if !isKnownUniquelyReferenced(&slots[Int(place)].tracked) {
            slots[Int(place)].tracked = slots[Int(place)].tracked.map { Tracked($0.id, $0.action) }
        }
        return slots[Int(place)].tracked
    }

    private mutating func track(_ id: ActionID, _ action: TrackedAction) {
        let place = place(of: id) ?? insert(id)
        slots[Int(place)].tracked = Tracked(id, action)
        count += 1
    }

    private mutating func untrack(_ place: Place) {
        slots[Int(place)].tracked = nil
        count -= 1
        removeIfEmpty(place)
    }

    /// The published answer of a retired action.
    func retired(_ id: ActionID) -> Snapshot? {
        place(of: id).flatMap { slots[Int($0)].retired }
    }

    /// Stops tracking an action, and keeps its published answer.
    mutating func retire(_ id: ActionID, _ published: Snapshot) {
        guard let place = place(of: id) else { return }
        if slots[Int(place)].retired == nil { retiredCount += 1 }
        slots[Int(place)].retired = published
        self[id] = nil
    }

    mutating func takeRetired(_ id: ActionID) -> Snapshot? {
        guard let place = place(of: id), let retired = slots[Int(place)].retired else { return nil }
        slots[Int(place)].retired = nil
        retiredCount -= 1
        removeIfEmpty(place)
        return retired
    }

    /// Sets the size of its states and their compressed forms.
    mutating func setBytes(_ size: Int, of id: ActionID) {
        if let place = place(of: id) { setBytes(UInt32(clamping: size), at: place) }
    }

    private mutating func setBytes(_ size: UInt32, at place: Place) {
        bytes += Int(size) - Int(slots[Int(place)].bytes)
        slots[Int(place)].bytes = size
    }
}

// MARK: - Places

extension ActionTable {
    func id(at place: Place) -> ActionID? {
        slots[Int(place)].tracked?.id ?? slots[Int(place)].retired?.id
    }

    func place(of id: ActionID) -> Place? {
        let hash = hash(id)
        var cell = home(hash)
        while index[cell] != 0 {
            let place = index[cell] - 1
            if slots[Int(place)].hash == hash, slots[Int(place)].isAbout(id) { return place }
            cell = following(cell)
        }
        return nil
    }

    /// The caller fills it.
    private mutating func insert(_ id: ActionID) -> Place {
        let slot = Slot(hash: hash(id))
        let place = free.popLast() ?? Place(slots.count)
        if Int(place) == slots.count { slots.append(slot) } else { slots[Int(place)] = slot }
        if (slots.count - free.count) * 4 > index.count * 3 { growIndex() }
        enter(place)
        return place
    }

    private mutating func removeIfEmpty(_ place: Place) {
        guard slots[Int(place)].isEmpty else { return }
        setBytes(0, at: place)
        var cell = home(slots[Int(place)].hash)
        while index[cell] != place + 1 { cell = following(cell) }
        closeGap(at: cell)
        free.append(place)
    }

    // MARK: The index

    private func hash(_ id: ActionID) -> UInt32 { UInt32(truncatingIfNeeded: id.hash(seed: seed)) }
    private func home(_ hash: UInt32) -> Int { Int(hash) & (index.count - 1) }
    private func following(_ cell: Int) -> Int { (cell + 1) & (index.count - 1) }

    private mutating func enter(_ place: Place) {
        var cell = home(slots[Int(place)].hash)
        while index[cell] != 0 { cell = following(cell) }
        index[cell] = place + 1
    }

    /// Moves entries back that an occupied cell had displaced.
    private mutating func closeGap(at cell: Int) {
        var gap = cell
        var next = following(gap)
        while index[next] != 0 {
            let distance = (next - home(slots[Int(index[next] - 1)].hash)) & (index.count - 1)
            if distance >= (next - gap) & (index.count - 1) {
                index[gap] = index[next]
                gap = next
            }
            next = following(next)
        }
        index[gap] = 0
    }

    private mutating func growIndex() {
        let places = index.filter { $0 != 0 }
        index = Self.emptyIndex(for: 2 * places.count)
        for place in places { enter(place - 1) }
    }

    private static func emptyIndex(for capacity: Int) -> [Place] {
        var count = 1024
        while count * 3 < capacity * 4 { count *= 2 }
        return Array(repeating: 0, count: count)
    }
}
