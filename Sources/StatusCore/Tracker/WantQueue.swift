// Who is looked up next when calls are short: waiting callers first, then what was tried
// longest ago.

import HeapModule

/// A look that somebody asked for and that is due.
struct Want: Sendable {
    var since: Instant
    /// The line in whose queue it stands.
    var line: Line
    /// The rank it stands in the queue with; an entry of another rank is void.
    var rank: WantRank
    var starter: CallerID?
    /// Whose question that was, when caller keys are on.
    var holder: String?

    /// Whether it puts what another caller wants already into a better place.
    func improves(_ before: Want) -> Bool {
        if before.rank.isIdle != rank.isIdle { return before.rank.isIdle }
        return before.line.isTogether && !line.isTogether
    }
}

/// The order of service (invariant 7). Lower is served first.
struct WantRank: Comparable, Sendable {
    /// Nobody is held for it: what is stored is served meanwhile.
    var isIdle: Bool
    /// When its state was last learned, or asked for in vain.
    var triedAt: Instant
    /// First come, first served among equals.
    var number: UInt64

    static func < (a: WantRank, b: WantRank) -> Bool {
        if a.isIdle != b.isIdle { return !a.isIdle }
        if a.triedAt != b.triedAt { return a.triedAt < b.triedAt }
        return a.number < b.number
    }
}

/// The wants of one line of an upstream, best first. Void entries are skipped when they come up.
struct WantQueue: Sendable {
    static let entriesMax = 20_000

    struct Entry: Comparable, Sendable {
        var rank: WantRank
        var id: ActionID

        static func < (a: Entry, b: Entry) -> Bool { a.rank < b.rank }
        static func == (a: Entry, b: Entry) -> Bool { a.rank == b.rank }
    }

    private var heap = Heap<Entry>()

    var count: Int { heap.count }
    var best: Entry? { heap.min }
    var ids: [ActionID] { heap.unordered.map(\.id) }

    mutating func insert(_ entry: Entry) { heap.insert(entry) }
    mutating func removeBest() { _ = heap.popMin() }
}
