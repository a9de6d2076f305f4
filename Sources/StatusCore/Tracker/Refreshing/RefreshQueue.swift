// The due refreshes of one upstream, and the order in which they start.

import HeapModule

/// Known actions and other ids have separate queues: the others may use only half of each budget,
/// and those that have got 404 half of that.
enum BudgetClass: CaseIterable, Sendable {
    case known
    /// Never answered; its first look-up has not been made, or failed.
    case unknown
    /// Answered with 404 only.
    case notFound
}

/// The queue in which a refresh waits. Unknown ids of batches are separate from those of single
/// requests, so that a request for many does not delay a request for one.
struct RefreshLine: Hashable, Sendable {
    var budget: BudgetClass
    var isTogether = false

    static let all =
        BudgetClass.allCases.map { RefreshLine(budget: $0) }
        + [.unknown, .notFound].map { RefreshLine(budget: $0, isTogether: true) }
}

/// The order of service. Lower is served first.
struct RefreshRank: Comparable, Sendable {
    /// Whether no request is held for it, because a stored answer is served.
    var isIdle: Bool
    /// When the last call ended, with or without a state.
    var triedAt: Instant
    /// Equals are served in order of arrival.
    var number: UInt64

    static func < (a: RefreshRank, b: RefreshRank) -> Bool {
        if a.isIdle != b.isIdle { return !a.isIdle }
        if a.triedAt != b.triedAt { return a.triedAt < b.triedAt }
        return a.number < b.number
    }
}

/// A requested and due refresh that has not started.
struct DeferredRefresh: Sendable {
    var since: Instant
    var line: RefreshLine
    /// The rank of its item in the queue; an item of another rank is void.
    var rank: RefreshRank
    var starter: CallerID?
    /// The caller's name, when caller keys are on.
    var holder: String?
    /// The request's id in the log.
    var cause: String?

    /// Whether it improves the place of an earlier request.
    func improves(_ before: DeferredRefresh) -> Bool {
        if before.rank.isIdle != rank.isIdle { return before.rank.isIdle }
        return before.line.isTogether && !line.isTogether
    }
}

/// One upstream's refreshes by queue and rank. Void items stay until they reach the front, and are
/// dropped then.
struct RefreshQueue: Sendable {
    /// The most items of each queue.
    static let itemsMax = 20_000
    /// The most flights under way for unknown ids of batches: half of those that may start at once.
    static let togetherMax = UpstreamState.startingMax / 2

    struct Item: Comparable, Sendable {
        var line: RefreshLine
        var rank: RefreshRank
        var id: ActionID

        static func < (a: Item, b: Item) -> Bool { a.rank < b.rank }
        static func == (a: Item, b: Item) -> Bool { a.rank == b.rank }
    }

    private var lines: [RefreshLine: Heap<Item>] = [:]
    /// The flights under way for unknown ids of batches.
    private var together = 0
    /// Whether unknown ids of batches have the next turn.
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

    /// The item that starts next, of the first ones in these queues. Waiting callers come first,
    /// then the oldest; but unknown ids of single requests and of batches alternate.
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

    /// A flight from that line has started.
    mutating func started(from line: RefreshLine) {
        if line.isTogether { together += 1 }
        if line.budget != .known { isTogethersTurn = !line.isTogether }
    }

    /// What came to that line now would start next.
    func isFree(_ line: RefreshLine) -> Bool {
        isEmpty && (!line.isTogether || together < Self.togetherMax)
    }

    /// Records that a flight from that queue has ended.
    mutating func ended(from line: RefreshLine) {
        if line.isTogether { together -= 1 }
    }
}
