// The moments at which the tracker has to be stepped again.

import HeapModule

/// What a wake is for.
enum WakeTarget: Hashable, Sendable {
    case action(ActionID)
    case source(Source)
    /// The store may be asked again.
    case store
}

/// Wakes by time, earliest first. A target may stand in it more than once; too many wakes do no harm.
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

    var next: Instant? { heap.min?.at }

    mutating func insert(_ target: WakeTarget, at instant: Instant) {
        count += 1
        heap.insert(Wake(at: instant, number: count, target: target))
    }

    /// Takes out one wake whose time has come.
    mutating func popDue(_ now: Instant) -> WakeTarget? {
        guard let first = heap.min, first.at <= now else { return nil }
        return heap.popMin()?.target
    }
}
