// The times at which the tracker has to be stepped again.

/// The purpose of a wake.
enum WakeTarget: Hashable, Sendable {
    case action(ActionID)
    case source(Source)
    /// The store may be tried again.
    case store
}

/// Wakes by time, earliest first. A target may be in it more than once. Superfluous wakes are harmless but take
/// memory, so those for actions that are no longer tracked are dropped.
struct WakeQueue: Sendable {
    private struct Wake: Comparable, Sendable {
        var at: Instant
        var number: UInt64
        var target: WakeTarget

        static func < (a: Wake, b: Wake) -> Bool { (a.at, a.number) < (b.at, b.number) }
        static func == (a: Wake, b: Wake) -> Bool { (a.at, a.number) == (b.at, b.number) }
    }

    private var heap = SweptHeap<Wake>()
    private var inserted: UInt64 = 0

    var next: Instant? { heap.min?.at }
    var count: Int { heap.count }

    mutating func insert(
        _ target: WakeTarget, at instant: Instant, isTracked: (ActionID) -> Bool
    ) {
        inserted += 1
        heap.insert(Wake(at: instant, number: inserted, target: target)) { wake in
            if case .action(let id) = wake.target { isTracked(id) } else { true }
        }
    }

    /// Takes out one wake whose time has come.
    mutating func popDue(_ now: Instant) -> WakeTarget? {
        guard let first = heap.min, first.at <= now else { return nil }
        return heap.popMin()?.target
    }
}

extension ActionTracker {
    mutating func wake(_ target: WakeTarget, at instant: Instant) {
        wakes.insert(target, at: instant) { [actions] in actions[$0] != nil }
    }
}
