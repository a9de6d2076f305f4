// What is held of each action, by id: a table of slots that stay where they are, and an index of them.

/// Actions that are tracked, and those that are retired: finished, with nobody concerned with them, so that
/// their published answers say all of them. Of one that is asked for anew both are held for a while. A value
/// of it is independent of its copies.
///
/// Two dictionaries, another one for the sizes and a queue of ids took 250 bytes of each action; this takes 30.
struct ActionTable: Sendable {
    /// Where an action stands, as long as anything is held of it.
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
    /// Open addressing with linear probing: a place and one more, zero where there is none. A power of two,
    /// at most three quarters of it in use.
    private var index: [Place]
    private let seed: UInt64

    /// Actions that are tracked.
    private(set) var count = 0
    private(set) var retiredCount = 0
    /// What is held of all of them.
    private(set) var bytes = 0

    /// A table that grows moves all that it has: it does not before it holds that many.
    init(capacity: Int, seed: UInt64) {
        let capacity = min(capacity, Self.reservedMax)
        slots.reserveCapacity(capacity)
        index = Self.emptyIndex(for: capacity)
        self.seed = seed
    }

    private static let reservedMax = 100_000
}

/// `@unchecked Sendable`: changed only through a table that refers to it alone.
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

    /// To be changed: nobody else's.
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

    /// What is published of an action that is retired.
    func retired(_ id: ActionID) -> Snapshot? {
        place(of: id).flatMap { slots[Int($0)].retired }
    }

    /// Lets go of an action that is tracked, but for what is published of it.
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

    /// Of the states that are held of it, and of their compressed forms.
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

    /// Moves up what stands behind a place only because others were in its way.
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
