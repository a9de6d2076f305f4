// What a hit adds to the metrics, in a form that it can count in without a look-up.

/// Requests for one action that were answered 200 from the board.
struct HitCounts: Sendable {
    private(set) var fresh = 0
    private(set) var stale = 0
    private(set) var durations = Histogram()

    var all: Int { fresh + stale }

    mutating func count(isStale: Bool, nanoseconds: Int64) {
        if isStale { stale += 1 } else { fresh += 1 }
        durations.add(nanoseconds: nanoseconds)
    }

    mutating func add(_ other: HitCounts) {
        fresh += other.fresh
        stale += other.stale
        durations.add(other.durations)
    }
}
