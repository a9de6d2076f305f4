// The row that identifies a file's epoch and clock, and the check that a file continues the one
// that this process remembers: the found and the remembered state come in, a judgement goes out.

import StatusCore

/// What a running store remembers of its file, to detect that it was set back or replaced.
struct Continuity: Equatable {
    var epoch: Int64
    /// The highest revision seen.
    var revision: Int64
    var bootID: String?
    var clockOffset: Duration

    init(_ meta: StoreMeta) {
        epoch = meta.epoch
        revision = meta.revision
        bootID = meta.bootID
        clockOffset = meta.clockOffset
    }

    /// How far the store's clock may be behind the last time written before it counts as broken.
    static let lagMax = Duration.seconds(2)

    /// The judgement on a file, and on its clock.
    struct Judgement: Equatable {
        /// The corrected row; after a fault with its time and, if other processes could miss it, a
        /// new epoch.
        var meta: StoreMeta
        /// The fault; nil: the file continues the remembered one.
        var trouble: String?
    }

    /// `remembered` is nil at a first start. `earlier`: a fault, on opening the file or by
    /// an earlier judgement, that is not repaired yet.
    static func judge(
        _ found: StoreMeta, remembered: Continuity?, earlier: String?,
        sinceBoot: Instant, bootID: String?
    ) -> Judgement {
        var meta = found
        var trouble = earlier ?? remembered?.trouble(with: found)
        if !isSameBoot(found, remembered, bootID) {
            // Down-time of the machine does not count, so nothing opens early.
            meta.clockOffset = found.lastTime - sinceBoot
            meta.bootID = bootID
            if remembered != nil { trouble = trouble ?? "the boot id changed" }
        } else if found.lastTime - (sinceBoot + found.clockOffset) > lagMax {
            meta.clockOffset = found.lastTime - sinceBoot
            trouble = trouble ?? "the clock is behind the last time written"
        }
        guard trouble != nil else { return Judgement(meta: meta, trouble: nil) }
        // For processes that start later, and have nothing to compare with.
        meta.lossDetectedAt = meta.time(sinceBoot: sinceBoot)
        // So that other processes detect it, too; an epoch that has changed already is enough.
        if remembered?.epoch == found.epoch || remembered == nil {
            meta.epoch = StoreMeta.freshEpoch()
        }
        return Judgement(meta: meta, trouble: trouble)
    }

    private func trouble(with found: StoreMeta) -> String? {
        if found.epoch != epoch { return "the epoch changed" }
        if found.revision < revision { return "the file was set back to an earlier state" }
        if found.bootID != bootID || found.clockOffset != clockOffset {
            return "the clock was set anew"
        }
        return nil
    }

    /// An unreadable boot id is the same boot only for a process that runs.
    private static func isSameBoot(
        _ found: StoreMeta, _ remembered: Continuity?, _ bootID: String?
    ) -> Bool {
        found.bootID == bootID && (bootID != nil || remembered != nil)
    }
}

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
    var lossDetectedAt: Instant?

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
