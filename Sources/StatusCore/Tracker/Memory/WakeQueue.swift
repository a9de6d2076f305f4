// The times at which the tracker has to be stepped again, in a heap that drops void ones in small
// steps.

import HeapModule

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

/// Elements, least first. When there are many, each insertion takes the two least old elements and moves them
/// to a new heap, or drops them if they are void: a hundred thousand are swept in steps of microseconds.
struct SweptHeap<Element: Comparable & Sendable>: Sendable {
    private var heap = Heap<Element>()
    /// Still to be swept.
    private var old = Heap<Element>()
    /// With more elements than this a sweep begins.
    private var countMax = countLeast

    static var countLeast: Int { 1024 }
    private static var stepsPerInsertion: Int { 2 }

    var count: Int { heap.count + old.count }
    var isSweeping: Bool { !old.isEmpty }

    var min: Element? {
        guard let new = heap.min else { return old.min }
        return old.min.map { Swift.min(new, $0) } ?? new
    }

    @discardableResult
    mutating func popMin() -> Element? {
        guard let next = old.min, heap.min.map({ next <= $0 }) ?? true else { return heap.popMin() }
        return old.popMin()
    }

    /// `isNeeded`: false for a void element; a sweep asks it once for each.
    mutating func insert(_ element: Element, isNeeded: (Element) -> Bool) {
        heap.insert(element)
        if old.isEmpty {
            guard heap.count > countMax else { return }
            swap(&heap, &old)
        }
        for _ in 0..<Self.stepsPerInsertion {
            guard let next = old.popMin() else { break }
            if isNeeded(next) { heap.insert(next) }
        }
        if old.isEmpty { countMax = max(2 * heap.count, Self.countLeast) }
    }
}
