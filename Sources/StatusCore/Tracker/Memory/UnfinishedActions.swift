// The actions in memory that are not done, oldest first, so that operators see stuck ones.

import HeapModule

/// A heap for each source. Ended and evicted actions are dropped when they reach the top.
struct UnfinishedActions: Sendable {
    private var heaps: PerSource<Heap<Item>>
    /// A heap with more items than this is cleaned of duplicates and void items.
    private let itemsMax: Int

    struct Item: Comparable, Sendable {
        var since: Instant
        var id: ActionID

        static func < (a: Item, b: Item) -> Bool { a.since < b.since }
    }

    init(_ sources: [Source], actionsMax: Int) {
        heaps = PerSource(sources) { _ in Heap() }
        itemsMax = 2 * actionsMax + 1024
    }

    mutating func insert(_ item: Item, _ source: Source, isUnfinished: (ActionID) -> Bool) {
        heaps[source]?.insert(item)
        guard let heap = heaps[source], heap.count > itemsMax else { return }
        var seen: Set<ActionID> = []
        heaps[source] = Heap(
            heap.unordered.filter { isUnfinished($0.id) && seen.insert($0.id).inserted })
    }

    func count(_ source: Source) -> Int { heaps[source]?.count ?? 0 }

    mutating func oldest(_ source: Source, isUnfinished: (ActionID) -> Bool) -> Instant? {
        while let item = heaps[source]?.min {
            if isUnfinished(item.id) { return item.since }
            heaps[source]?.removeMin()
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
