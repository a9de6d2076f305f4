// The one row that tells which life of the store a file holds, and how its clock runs.

import StatusCore

/// The file's identity in time. Every writing transaction raises `revision`.
struct StoreMeta: Equatable {
    /// Drawn anew whenever continuity was lost.
    var epoch: Int64
    var revision: Int64
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
            epoch: freshEpoch(), revision: 0, bootID: bootID, clockOffset: .zero,
            lastTime: sinceBoot)
    }

    static func freshEpoch() -> Int64 { Int64.random(in: 1...Int64.max) }

    /// Never behind what was written.
    func time(sinceBoot: Instant) -> Instant { max(sinceBoot + clockOffset, lastTime) }

    /// Until the store can vouch again for what was granted before, when that takes `span` since
    /// trouble was noticed; nil when it can. `now` is store time.
    func quarantine(for span: Duration, at now: Instant) -> Duration? {
        guard let noticed else { return nil }
        let left = min(noticed, now) + span - now
        return left > .zero ? left : nil
    }
}
