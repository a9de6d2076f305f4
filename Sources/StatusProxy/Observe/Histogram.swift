// How long things took, as Prometheus wants it counted.

import StatusCore

/// Counts of spans by upper bound.
struct Histogram: Sendable {
    static let bounds: [Duration] = [
        .microseconds(50), .microseconds(100), .microseconds(250), .milliseconds(1),
        .milliseconds(5), .milliseconds(25), .milliseconds(100), .milliseconds(500),
        .seconds(1), .seconds(2), .seconds(5), .seconds(10), .seconds(60),
    ]
    private static let boundsInNanoseconds = bounds.map(\.nanoseconds)
    var counts = [Int](repeating: 0, count: bounds.count)
    var count = 0
    var nanoseconds: Int64 = 0

    mutating func add(_ span: Duration) { add(nanoseconds: span.nanoseconds) }

    mutating func add(nanoseconds length: Int64) {
        count += 1
        nanoseconds += length
        for index in counts.indices where length <= Self.boundsInNanoseconds[index] {
            counts[index] += 1
            return
        }
    }

    mutating func add(_ other: Histogram) {
        for index in counts.indices { counts[index] += other.counts[index] }
        count += other.count
        nanoseconds += other.nanoseconds
    }
}
