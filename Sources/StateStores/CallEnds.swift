// The ends of an upstream's calls in order: how many come after a moment, and the n-th from the end.

import StatusCore

/// Sorted by end; calls mostly come in order, so that entering one is cheap.
struct CallEnds {
    private var ends: [Instant] = []

    mutating func insert(_ end: Instant) { ends.insert(end, at: index(after: end)) }

    /// Takes out one call that ends at `end`.
    mutating func remove(_ end: Instant) {
        let index = index(after: end) - 1
        precondition(index >= 0 && ends[index] == end, "only entered calls are taken out")
        ends.remove(at: index)
    }

    func count(after moment: Instant) -> Int { ends.count - index(after: moment) }

    /// The `rank`-th latest; 1 is the latest.
    func latest(_ rank: Int) -> Instant? {
        ends.count >= rank ? ends[ends.count - rank] : nil
    }

    /// The index of the first end that is later than `moment`.
    private func index(after moment: Instant) -> Int {
        var low = 0
        var high = ends.count
        while low < high {
            let middle = (low + high) / 2
            if ends[middle] <= moment { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
