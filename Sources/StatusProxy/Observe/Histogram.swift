// Durations, counted in the form of a Prometheus histogram.

import StatusCore

/// Counts of durations by upper bound.
struct Histogram: Sendable {
    let bounds: HistogramBounds
    private(set) var counts: [Int]
    private(set) var count = 0
    private(set) var nanoseconds: Int64 = 0

    init(_ bounds: HistogramBounds = .calls) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.nanoseconds.count)
    }

    mutating func add(_ span: Duration) { add(nanoseconds: span.nanoseconds) }

    mutating func add(nanoseconds length: Int64) {
        count += 1
        nanoseconds += length
        for index in counts.indices where length <= bounds.nanoseconds[index] {
            counts[index] += 1
            return
        }
    }

    /// Adds the counts of `other`, which must have the same bounds.
    mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        nanoseconds += other.nanoseconds
    }
}

/// Upper bounds, the lowest first.
struct HistogramBounds: Sendable {
    let nanoseconds: [Int64]
    /// Seconds as canonical floats: another spelling would be another series.
    let texts: [String]

    private init(_ texts: String...) {
        self.texts = texts
        nanoseconds = texts.map { Int64(((Double($0) ?? 0) * 1e9).rounded()) }
    }

    /// From a hit to the longest wait.
    static let calls = HistogramBounds(
        "5e-05", "0.0001", "0.00025", "0.001", "0.005", "0.025", "0.1", "0.5", "1.0", "2.0", "5.0",
        "10.0", "30.0", "60.0")
    /// For the work of upstreams on actions.
    static let actions = HistogramBounds(
        "1.0", "5.0", "15.0", "60.0", "300.0", "900.0", "3600.0", "14400.0", "86400.0")
}
