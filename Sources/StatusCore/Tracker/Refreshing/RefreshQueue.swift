// The refreshes of one upstream that are due and wait for their turn, and which of them starts next.

import HeapModule

/// Known actions and others queue apart: others may use half of each budget only, and of them those
/// that have read as 404 half of that (invariant 7).
enum BudgetClass: CaseIterable, Sendable {
    case known
    /// Never answered for; its first look-up is still to come, or came to nothing.
    case unknown
    /// Answered with a 404 and nothing else.
    case notFound
}

/// Where a refresh waits. Unknown ids that one request asks for together stand apart from those asked for
/// singly, so that a request for many does not delay a request for one.
struct RefreshLine: Hashable, Sendable {
    var budget: BudgetClass
    var isTogether = false

    static let all =
        BudgetClass.allCases.map { RefreshLine(budget: $0) }
        + [.unknown, .notFound].map { RefreshLine(budget: $0, isTogether: true) }
}

/// The order of service (invariant 7). Lower is served first.
struct RefreshRank: Comparable, Sendable {
    /// Nobody is held for it: what is stored is served meanwhile.
    var isIdle: Bool
    /// When its state was last learned, or asked for in vain.
    var triedAt: Instant
    /// First come, first served among equals.
    var number: UInt64

    static func < (a: RefreshRank, b: RefreshRank) -> Bool {
        if a.isIdle != b.isIdle { return !a.isIdle }
        if a.triedAt != b.triedAt { return a.triedAt < b.triedAt }
        return a.number < b.number
    }
}

/// A refresh that somebody asked for, that is due, and that has not been started.
struct DeferredRefresh: Sendable {
    var since: Instant
    var line: RefreshLine
    /// The rank it stands in the queue with; an item of another rank is void.
    var rank: RefreshRank
    var starter: CallerID?
    /// Whose question that was, when caller keys are on.
    var holder: String?
    /// What the log calls that request.
    var cause: String?

    /// Whether it puts what another caller has asked for into a better place.
    func improves(_ before: DeferredRefresh) -> Bool {
        if before.rank.isIdle != rank.isIdle { return before.rank.isIdle }
        return before.line.isTogether && !line.isTogether
    }
}

/// One upstream's refreshes by line and rank. Void items stay until they come up: whoever takes the first
/// of a line drops those before.
struct RefreshQueue: Sendable {
    /// In each line.
    static let itemsMax = 20_000
    /// Flights under way for unknown ids that were asked for together: half of what may start at once.
    static let togetherMax = UpstreamState.startingMax / 2

    struct Item: Comparable, Sendable {
        var line: RefreshLine
        var rank: RefreshRank
        var id: ActionID

        static func < (a: Item, b: Item) -> Bool { a.rank < b.rank }
        static func == (a: Item, b: Item) -> Bool { a.rank == b.rank }
    }

    private var lines: [RefreshLine: Heap<Item>] = [:]
    /// Flights under way for unknown ids that were asked for together.
    private var together = 0
    /// Of unknown ids, those asked for together have the next turn.
    var isTogethersTurn = false

    var isEmpty: Bool { lines.values.allSatisfy(\.isEmpty) }

    var ids: [ActionID] {
        RefreshLine.all.flatMap { lines[$0]?.unordered.map(\.id) ?? [] }
    }

    func isFull(_ line: RefreshLine) -> Bool { lines[line]?.count ?? 0 >= Self.itemsMax }

    func first(in line: RefreshLine) -> Item? { lines[line]?.min }

    mutating func insert(_ id: ActionID, _ refresh: DeferredRefresh) {
        lines[refresh.line, default: Heap()].insert(
            Item(line: refresh.line, rank: refresh.rank, id: id))
    }

    mutating func dropFirst(in line: RefreshLine) { _ = lines[line]?.popMin() }

    /// Which of these lines' first items starts next. Waiting callers come first, then the oldest; but of
    /// unknown ids those asked for singly and those asked for together have their turns alternately.
    func next(in open: [RefreshLine]) -> Item? {
        let first = open.compactMap(first(in:))
        let singles = first.filter { !$0.line.isTogether }
        let many = first.filter(\.line.isTogether).min()
        guard let many, together < Self.togetherMax else { return singles.min() }
        if let known = singles.first(where: { $0.line.budget == .known }), known < many {
            return singles.min()
        }
        guard let rival = singles.filter({ $0.line.budget != .known }).min() else { return many }
        let isSameStanding = rival.rank.isIdle == many.rank.isIdle
        let isItsTurn = isSameStanding ? isTogethersTurn : rival.rank.isIdle
        return isItsTurn ? many : singles.min()
    }

    /// Takes out the first item of its line: its flight starts.
    mutating func start(_ item: Item) {
        dropFirst(in: item.line)
        if item.line.isTogether { together += 1 }
        if item.line.budget != .known { isTogethersTurn = !item.line.isTogether }
    }

    /// A flight from that line has ended.
    mutating func ended(from line: RefreshLine) {
        if line.isTogether { together -= 1 }
    }
}
