// What a store keeps of one action at one upstream, in store time; rendered as a `EntryRecord`.

import StatusCore

/// One action's gate and news. Instants are on the store's clock.
struct StoredEntry: Equatable, Sendable {
    /// Its id is spelled as it was when the entry was made.
    var key: EntryKey
    var firstSeen: StoreMoment
    /// The gate is open from here on.
    var opens: Instant
    /// The last call granted; nil when none ever was.
    var lease: Lease?
    /// The end of the last call before the lease's that the upstream can have seen; nil when there is
    /// none, or when its end is not known for sure.
    var lastEnd: Instant?
    /// True once this upstream has told the action's state.
    var isKnown = false
    /// Which call's news is kept: older news does not replace it.
    var newest: NewsMark?
    var answer: Answer?
    var negative: NegativeResult?
    /// When the id first read as 404; nil when it never did, or has been answered for since.
    var notFoundSince: StoreMoment?

    /// The right to one call: its owner alone moves the gate, and the call's place in the budgets.
    struct Lease: Equatable, Sendable {
        var token: FencingToken
        var reserved: Instant
        /// The latest moment at which the call can end.
        var ends: Instant
        var state = CallState.underWay
        /// Which budget classes count the call.
        var classes: CallClasses
    }

    /// Whose news is kept, and from when.
    struct NewsMark: Equatable, Sendable {
        /// When the upstream told it, or failed to.
        var time: Instant
        /// The call that brought it, if its lease was its own still; nil: it was forgotten, or taken over.
        var token: FencingToken?

        /// The order of calls tells which news is newer. A forgotten call has no place in it: a store that
        /// was set back grants later tokens than that for older news. Then the ages decide.
        func isNewer(than other: NewsMark) -> Bool {
            if let token, let theirs = other.token { return token > theirs }
            return time > other.time || time == other.time && token != nil
        }
    }

    /// A state that the upstream told; the document itself is kept beside the entry.
    struct Answer: Equatable, Sendable {
        var isDone: Bool
        /// On the wall clock of the process that was told.
        var checkedAt: WallTime
        var told: StoreMoment
    }

    struct NegativeResult: Equatable, Sendable {
        var fault: UpstreamFault
        var repeats: Int
        var ended: StoreMoment
    }

    /// A finished state is never asked for again while it is kept (invariant 5).
    var isFinished: Bool { answer?.isDone == true }

    /// As callers of the store see it at `now`. An answer without its document is none.
    func record(at now: StoreMoment, _ document: ActionDocument?) -> EntryRecord {
        var kept: KeptAnswer?
        if let answer, let document {
            kept = KeptAnswer(
                document: document, checkedAt: answer.checkedAt, age: now.since(answer.told))
        }
        return EntryRecord(
            key: key, opensIn: opens - now.time, firstSeenAgo: now.since(firstSeen),
            isKnown: isKnown, answer: kept,
            miss: negative.map { kept in
                KeptMiss(fault: kept.fault, repeats: kept.repeats, age: now.since(kept.ended))
            },
            notFoundAgo: notFoundSince.map(now.since))
    }
}

extension EntryKey {
    /// The same, with its id as it was first asked for; nil: in its canonical form.
    func spelled(_ spelling: String?) -> EntryKey {
        EntryKey(source, ActionID(spelling ?? id.canonical) ?? id)
    }
}

extension ActionID {
    /// Nil when it is spelled in its canonical form.
    var otherSpelling: String? { text == canonical ? nil : text }
}

/// A point in time on the store's clock, and what the wall clock showed then.
struct StoreMoment: Equatable, Sendable {
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
