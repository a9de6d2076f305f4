// The row that identifies the store's epoch in a file, and its clock.

import StatusCore

/// The file's identity and time. Every writing transaction raises `revision`.
struct StoreMeta: Equatable {
    /// A new random number after every loss of continuity.
    var epoch: Int64
    var revision: Int64
    /// The highest token granted.
    var token: FencingToken
    /// The boot that `clockOffset` belongs to; nil: unknown.
    var bootID: String?
    /// Store time is the time since boot plus this.
    var clockOffset: Duration
    /// The latest store time that was written.
    var lastTime: Instant
    /// The store time at which any process last detected a fault; nil: never.
    var noticed: Instant?

    static func first(sinceBoot: Instant, bootID: String?) -> StoreMeta {
        StoreMeta(
            epoch: freshEpoch(), revision: 0, token: FencingToken(Int64.random(in: firstTokens)),
            bootID: bootID, clockOffset: .zero, lastTime: sinceBoot)
    }

    /// Random, so that tokens of successive files at one path do not collide.
    private static let firstTokens: ClosedRange<Int64> = 1...(1 << 50)

    static func freshEpoch() -> Int64 { Int64.random(in: 1...Int64.max) }

    /// Never behind the last time written.
    func time(sinceBoot: Instant) -> Instant { max(sinceBoot + clockOffset, lastTime) }
}
