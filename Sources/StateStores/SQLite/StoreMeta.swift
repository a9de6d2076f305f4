// The one row that tells which life of the store a file holds, and how its clock runs.

import StatusCore

/// The file's identity in time. Every writing transaction raises `revision`.
struct StoreMeta: Equatable {
    /// Drawn anew whenever continuity was lost.
    var epoch: Int64
    var revision: Int64
    /// The highest token granted.
    var token: FencingToken
    /// The boot that `clockOffset` belongs to; nil when it could not be known.
    var bootID: String?
    /// Store time is the time since boot plus this.
    var clockOffset: Duration
    /// The latest store time that was written.
    var lastTime: Instant
    /// The store time at which trouble was last noticed, by whichever process; nil: never.
    var noticed: Instant?

    static func first(sinceBoot: Instant, bootID: String?) -> StoreMeta {
        StoreMeta(
            epoch: freshEpoch(), revision: 0, token: FencingToken(Int64.random(in: firstTokens)),
            bootID: bootID, clockOffset: .zero, lastTime: sinceBoot)
    }

    /// Tokens of two files that follow each other at one path must not meet.
    private static let firstTokens: ClosedRange<Int64> = 1...(1 << 50)

    static func freshEpoch() -> Int64 { Int64.random(in: 1...Int64.max) }

    /// Never behind what was written.
    func time(sinceBoot: Instant) -> Instant { max(sinceBoot + clockOffset, lastTime) }
}
