// What a store keeps of one action at one upstream, in store time; rendered as a `LookRecord`.

import StatusCore

/// One action's gate and news. Instants are on the store's clock.
struct KeptLook: Equatable {
    var key: LookKey
    var firstSeen: StoreMoment
    /// The gate is open from here on.
    var opens: Instant
    /// The last owner of the slot; nil when none was ever granted.
    var token: SlotToken?
    /// True once this upstream has told the action's state.
    var isKnown = false
    /// Whose news is kept: an older call's news does not replace it.
    var newsToken: SlotToken?
    var answer: Answer?
    var miss: Miss?
    /// When the id first read as 404; nil when it never did, or has been answered for since.
    var notFoundSince: StoreMoment?

    struct Answer: Equatable {
        var document: ActionDocument
        /// On the wall clock of the process that was told.
        var checkedAt: WallTime
        var told: StoreMoment
    }

    struct Miss: Equatable {
        var fault: UpstreamFault
        var repeats: Int
        var ended: StoreMoment
    }

    /// A finished state is never asked for again while it is kept (invariant 5).
    var isFinished: Bool { answer?.document.isDone == true }

    /// As callers of the store see it at `now`.
    func record(at now: StoreMoment) -> LookRecord {
        LookRecord(
            key: key, opensIn: opens - now.time, firstSeenAgo: now.since(firstSeen),
            isKnown: isKnown,
            answer: answer.map { kept in
                KeptAnswer(
                    document: kept.document, checkedAt: kept.checkedAt,
                    age: now.since(kept.told))
            },
            miss: miss.map { kept in
                KeptMiss(fault: kept.fault, repeats: kept.repeats, age: now.since(kept.ended))
            },
            notFoundAgo: notFoundSince.map(now.since))
    }
}

extension LookKey {
    /// The same, with its id as it was first asked for; nil: in its canonical form.
    func spelled(_ spelling: String?) -> LookKey {
        LookKey(source, ActionID(spelling ?? id.canonical) ?? id)
    }
}

extension ActionID {
    /// Nil when it is spelled in its canonical form.
    var otherSpelling: String? { text == canonical ? nil : text }
}

/// A point in time on the store's clock, and what the wall clock showed then.
struct StoreMoment: Equatable {
    var time: Instant
    var wall: WallTime

    /// An age for people: the longer of what both clocks say. The store's clock stands still while
    /// the machine is down; the wall clock may have been set back. Never under zero.
    func since(_ earlier: StoreMoment) -> Duration {
        max(time - earlier.time, wall - earlier.wall, .zero)
    }

    static func - (moment: StoreMoment, span: Duration) -> StoreMoment {
        StoreMoment(
            time: moment.time - span,
            wall: WallTime(milliseconds: moment.wall.milliseconds - span.nanoseconds / 1_000_000))
    }
}
