// The back-off of a file that failed.

import StatusCore

/// Counts failures in a row; after the first the next attempt is made at once, later after a
/// growing wait.
struct BackOff {
    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(5)

    private var failures = 0
    private var until = Instant.distantPast
    private(set) var last: SQLiteFailure?

    /// The failure that forbids another attempt now.
    func failure(at now: Instant) -> SQLiteFailure? { now < until ? last : nil }

    mutating func failed(_ failure: SQLiteFailure, at now: Instant) {
        failures += 1
        last = failure
        guard failures > 1 else { return }
        until = now + min(Self.shortest * (1 << min(failures - 2, 10)), Self.longest)
    }

    mutating func succeeded() { self = BackOff() }
}
