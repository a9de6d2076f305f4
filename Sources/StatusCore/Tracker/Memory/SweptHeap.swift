// A heap that drops void elements in small steps.

import HeapModule

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
