// Whether a file still is what this process left: what is remembered and what is found in, a
// judgement out.

import StatusCore

/// What a running store remembers of its file, to notice when it was set back or exchanged.
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

    /// What to make of a file, and of its clock.
    struct Judgement: Equatable {
        /// The clock put right; after trouble its moment and, if others could miss it, a new epoch.
        var meta: StoreMeta
        /// What is wrong; nil: the file continues what is remembered.
        var trouble: String?
    }

    /// `remembered` is nil at a first start. `noticed`: the trouble met so far, on the way to the
    /// file or by an earlier judgement, that is not repaired yet.
    static func judge(
        _ found: StoreMeta, remembered: Continuity?, noticed: String?,
        sinceBoot: Instant, bootID: String?
    ) -> Judgement {
        var meta = found
        var trouble = noticed ?? remembered?.trouble(with: found)
        if !isSameBoot(found, remembered, bootID) {
            // Time without the machine counts as none: nothing opens early.
            meta.clockOffset = found.lastTime - sinceBoot
            meta.bootID = bootID
            if remembered != nil { trouble = trouble ?? "the boot id changed" }
        } else if found.lastTime - (sinceBoot + found.clockOffset) > lagMax {
            meta.clockOffset = found.lastTime - sinceBoot
            trouble = trouble ?? "the clock is behind the last time written"
        }
        guard trouble != nil else { return Judgement(meta: meta, trouble: nil) }
        // For processes that start later: they remember nothing to compare with.
        meta.noticed = meta.time(sinceBoot: sinceBoot)
        // Whoever else uses the file shall notice too; an epoch that is already new says it all.
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
