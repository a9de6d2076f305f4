// The times at which the tracker has to be stepped again.

import HeapModule

/// The purpose of a wake.
enum WakeTarget: Hashable, Sendable {
    case action(ActionID)
    case source(Source)
    /// The store may be tried again.
    case store
}

/// Wakes by time, earliest first. A target may stand in it more than once; too many wakes do no harm,
/// but take room: those for actions that are not tracked any more are dropped now and then.
struct WakeQueue: Sendable {
    private struct Wake: Comparable, Sendable {
        var at: Instant
        var number: UInt64
        var target: WakeTarget

        static func < (a: Wake, b: Wake) -> Bool { (a.at, a.number) < (b.at, b.number) }
        static func == (a: Wake, b: Wake) -> Bool { (a.at, a.number) == (b.at, b.number) }
    }

    private var heap = Heap<Wake>()
    private var count: UInt64 = 0
    /// Beyond as many it is looked through for what can be dropped.
    private var sizeMax = sizeLeast

    private static let sizeLeast = 1024

    var next: Instant? { heap.min?.at }

    mutating func insert(_ target: WakeTarget, at instant: Instant) {
        count += 1
        heap.insert(Wake(at: instant, number: count, target: target))
    }

    /// Drops wakes for actions that are not tracked, when there are many.
    mutating func dropUntracked(_ isTracked: (ActionID) -> Bool) {
        guard heap.count > sizeMax else { return }
        heap = Heap(
            heap.unordered.filter { wake in
                if case .action(let id) = wake.target { isTracked(id) } else { true }
            })
        sizeMax = max(2 * heap.count, Self.sizeLeast)
    }

    /// Takes out one wake whose time has come.
    mutating func popDue(_ now: Instant) -> WakeTarget? {
        guard let first = heap.min, first.at <= now else { return nil }
        return heap.popMin()?.target
    }
}
