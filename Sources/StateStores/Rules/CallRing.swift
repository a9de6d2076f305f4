// The ends of the calls that a window counts, in buckets.

import StatusCore

/// Sorted by end; at most one element for each bucket of its span, whatever the number of calls.
struct CallRing: Equatable, Sendable {
    /// The calls of one bucket. All count as if they had ended with the last of them: a window is
    /// shut for up to a bucket's width too long, but never too short.
    struct Bucket: Equatable, Sendable {
        var end: Instant
        var calls: Int
    }

    private(set) var buckets: [Bucket] = []

    init() {}

    /// `buckets`: those of an earlier ring.
    init(_ buckets: [Bucket]) { self.buckets = buckets }

    var isEmpty: Bool { buckets.isEmpty }

    /// Adds a call, and drops calls that no longer count at `now`.
    mutating func add(_ end: Instant, _ span: BudgetSpan, now: Instant) {
        buckets.removeAll { $0.end + span.length <= now }
        guard end + span.length > now else { return }
        let index = index(of: end, span)
        if index < buckets.count, number(buckets[index].end, span) == number(end, span) {
            buckets[index].calls += 1
            buckets[index].end = max(buckets[index].end, end)
        } else {
            buckets.insert(Bucket(end: end, calls: 1), at: index)
        }
    }

    /// Removes a call that was added with that end, if it still counts.
    mutating func remove(_ end: Instant, _ span: BudgetSpan) {
        let index = index(of: end, span)
        guard index < buckets.count, number(buckets[index].end, span) == number(end, span) else {
            return
        }
        buckets[index].calls -= 1
        if buckets[index].calls == 0 { buckets.remove(at: index) }
    }

    func count(after moment: Instant) -> Int {
        buckets.reversed().prefix { $0.end > moment }.reduce(0) { $0 + $1.calls }
    }

    /// The end of the `rank`-th latest call; 1 is the latest. Nil if there are fewer.
    func end(rank: Int) -> Instant? {
        var left = rank
        for bucket in buckets.reversed() {
            left -= bucket.calls
            if left <= 0 { return bucket.end }
        }
        return nil
    }

    /// The first bucket that is not before `end`'s.
    private func index(of end: Instant, _ span: BudgetSpan) -> Int {
        let wanted = number(end, span)
        let later = buckets.lastIndex { number($0.end, span) < wanted }
        return later.map { $0 + 1 } ?? 0
    }

    /// Rounds down, also below zero.
    private func number(_ end: Instant, _ span: BudgetSpan) -> Int64 {
        let width = span.bucket.nanoseconds
        let quotient = end.nanoseconds / width
        return end.nanoseconds % width < 0 ? quotient - 1 : quotient
    }
}
