// The actions in memory that are not done, oldest first, so that operators see stuck ones.

/// A list for each source. Ended and evicted actions are dropped when they reach the top, or when
/// there are many.
struct UnfinishedActions: Sendable {
    private var lists: PerSource<List>

    struct Item: Comparable, Sendable {
        var since: Instant
        var id: ActionID

        static func < (a: Item, b: Item) -> Bool { a.since < b.since }
    }

    private struct List: Sendable {
        var heap = SweptHeap<Item>()
        /// Found in the current sweep. An action that was evicted and loaded again is listed twice.
        var seen: Set<ActionID> = []

        mutating func insert(_ item: Item, isUnfinished: (ActionID) -> Bool) {
            var seen = seen
            self.seen = []
            let count = heap.count
            heap.insert(item) { swept in
                // A set that grows moves all that it has.
                if seen.isEmpty { seen.reserveCapacity(count) }
                return isUnfinished(swept.id) && seen.insert(swept.id).inserted
            }
            self.seen = heap.isSweeping ? seen : []
        }
    }

    init(_ sources: [Source]) { lists = PerSource(sources) { _ in List() } }

    mutating func insert(_ item: Item, _ source: Source, isUnfinished: (ActionID) -> Bool) {
        lists[source]?.insert(item, isUnfinished: isUnfinished)
    }

    func count(_ source: Source) -> Int { lists[source]?.heap.count ?? 0 }

    mutating func oldest(_ source: Source, isUnfinished: (ActionID) -> Bool) -> Instant? {
        while let item = lists[source]?.heap.min {
            if isUnfinished(item.id) { return item.since }
            lists[source]?.heap.popMin()
        }
        return nil
    }
}

extension ActionTracker {
    /// Lists an action that is not done and not listed yet.
    mutating func listUnfinished(_ id: ActionID) {
        guard actions[id]?.entries.all.contains(where: \.mustBeListed) == true else { return }
        for source in policy.configured {
            guard let entry = actions[id]?.entries[source], entry.mustBeListed,
                let since = entry.madeAt
            else { continue }
            actions[id]?.entries[source].isListed = true
            let actions = actions
            unfinished.insert(UnfinishedActions.Item(since: since, id: id), source) {
                actions[$0]?.entries[source].isUnfinished == true
            }
        }
    }

    mutating func unfinishedSince(_ source: Source) -> Instant? {
        let actions = actions
        return unfinished.oldest(source) { actions[$0]?.entries[source].isUnfinished == true }
    }
}

extension Entry {
    var isUnfinished: Bool { observed.map { !$0.document.isDone } ?? false }
    fileprivate var mustBeListed: Bool { isUnfinished && !isListed }
}
