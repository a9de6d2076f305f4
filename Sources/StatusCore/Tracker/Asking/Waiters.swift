// The held requests of one action: mostly a few, sometimes ten thousand.

import HeapModule

/// Held requests in order of arrival. Arrival, departure and deadline of each cost about the same,
/// however many there are.
///
/// After a change of their action, all are considered in a *round*, a slice at a time; otherwise
/// only those whose deadline has passed.
struct Waiters: Sendable {
    /// Nil: the caller has left.
    private var places: [Caller?] = []
    private var indexes: [CallerID: Int] = [:]
    private var deadlines = Heap<Deadline>()
    /// By named source.
    private var named: [Source: Tally] = [:]
    private var unnamed = Tally()
    private var followers = 0
    /// Where the current round continues.
    private var cursor: Int?
    /// A change during the round requires another one.
    private var mustGoRoundAgain = false

    private struct Tally: Sendable {
        var all = 0
        var patient = 0
    }

    /// Void if its caller has left, or is held until another time.
    private struct Deadline: Comparable, Sendable {
        var at: Instant
        var caller: CallerID

        static func < (a: Deadline, b: Deadline) -> Bool { a.at < b.at }
        static func == (a: Deadline, b: Deadline) -> Bool { a.at == b.at }
    }

    /// Up to this many gaps and void deadlines are tolerated.
    private static let voidMax = 32

    var count: Int { indexes.count }
    var isEmpty: Bool { indexes.isEmpty }

    /// Whether a caller waits for a new state.
    var arePatient: Bool {
        named.values.contains { $0.patient > 0 } || unnamed.patient > 0
    }

    /// Whether a caller is held for a refresh; followers ask again by themselves.
    var needTheirRefresh: Bool { followers < count }

    /// Whether a caller waits for a new state of that upstream, and did not name another one.
    func arePatient(at source: Source) -> Bool {
        (named[source]?.patient ?? 0) + unnamed.patient > 0
    }

    func haveNamed(_ source: Source) -> Bool { named[source]?.all ?? 0 > 0 }
    var haveNamedNone: Bool { unnamed.all > 0 }

    // MARK: Coming, staying, leaving

    mutating func insert(_ caller: Caller) {
        indexes[caller.id] = places.count
        places.append(caller)
        count(caller, 1)
        deadlines.insert(Deadline(at: caller.heldUntil, caller: caller.id))
    }

    /// Updates a caller that is still held.
    mutating func update(_ caller: Caller) {
        guard let index = indexes[caller.id], let before = places[index] else { return }
        places[index] = caller
        guard caller.heldUntil != before.heldUntil else { return }
        dropVoidDeadlines()
        deadlines.insert(Deadline(at: caller.heldUntil, caller: caller.id))
    }

    mutating func remove(_ id: CallerID) {
        guard let index = indexes.removeValue(forKey: id), let caller = places[index] else {
            return
        }
        places[index] = nil
        count(caller, -1)
        closeGaps()
    }

    /// Removes and returns all.
    mutating func removeAll() -> [Caller] {
        defer { self = Waiters() }
        return places.compactMap { $0 }
    }

    private mutating func count(_ caller: Caller, _ change: Int) {
        let patient = caller.isPatient ? change : 0
        if caller.isFollower { followers += change }
        if let source = caller.question.source {
            named[source, default: Tally()].all += change
            named[source, default: Tally()].patient += patient
        } else {
            unnamed.all += change
            unnamed.patient += patient
        }
    }

    /// Called when there are more gaps than callers, so that a caller is moved at most once for
    /// each departure.
    private mutating func closeGaps() {
        guard places.count > 2 * count + Self.voidMax else { return }
        if let before = cursor { cursor = places[..<before].count { $0 != nil } }
        places = places.filter { $0 != nil }
        for (index, caller) in places.enumerated() {
            if let caller { indexes[caller.id] = index }
        }
    }

    private mutating func dropVoidDeadlines() {
        guard deadlines.count > 2 * count + Self.voidMax else { return }
        deadlines = Heap(
            places.compactMap { caller in
                caller.map { Deadline(at: $0.heldUntil, caller: $0.id) }
            })
    }

    // MARK: Looking through them

    /// Begins a round over all callers.
    mutating func beginRound() {
        if let cursor, cursor > 0 { mustGoRoundAgain = true } else { cursor = 0 }
    }

    /// Whether a round is not finished.
    var isRoundUnderWay: Bool { cursor != nil }

    /// The next callers of the round, at most `most`.
    mutating func nextSlice(atMost most: Int) -> [Caller] {
        guard let start = cursor else { return [] }
        var slice: [Caller] = []
        var index = start
        while index < places.count, slice.count < most {
            if let caller = places[index] { slice.append(caller) }
            index += 1
        }
        if index < places.count {
            cursor = index
        } else {
            cursor = mustGoRoundAgain ? 0 : nil
            mustGoRoundAgain = false
        }
        return slice
    }

    /// The callers whose time has come, at most `most`; they must be removed or updated.
    mutating func takeDue(_ now: Instant, atMost most: Int) -> [Caller] {
        var due: [Caller] = []
        while due.count < most, let deadline = nextDeadline, deadline <= now,
            let caller = deadlines.popMin().flatMap({ held($0) })
        {
            // Clears the deadline, so that the next one is always entered.
            if let index = indexes[caller.id] { places[index]?.heldUntil = .distantPast }
            due.append(caller)
        }
        return due
    }

    /// The earliest deadline.
    var nextDeadline: Instant? {
        mutating get {
            while let first = deadlines.min, held(first) == nil { _ = deadlines.popMin() }
            return deadlines.min?.at
        }
    }

    /// The caller, if it is still held until then.
    private func held(_ deadline: Deadline) -> Caller? {
        guard let caller = indexes[deadline.caller].flatMap({ places[$0] }),
            caller.heldUntil == deadline.at
        else { return nil }
        return caller
    }
}

/// A held request.
struct Caller: Sendable {
    var id: CallerID
    var question: Question
    var askedAt: Instant
    /// Until when it is held without further events.
    var heldUntil: Instant
    /// Until when it is held for a refresh; nil if it was never held for one.
    var refreshUntil: Instant?
    /// Since when the stale reason differs from the one that the caller knows.
    var reasonChangedAt: Instant?

    var isPatient: Bool { question.patience != .none }
    var isFollower: Bool { if case .update = question.patience { true } else { false } }

    /// Whether it asks for the same refreshes, for the same reason.
    func asksForTheSame(as other: Caller) -> Bool {
        question.source == other.question.source && isPatient == other.isPatient
            && question.holder == other.question.holder
            && question.isOfMany == other.question.isOfMany
    }
}
