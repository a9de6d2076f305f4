// A store's row of one action at one upstream, in store time; converted to an `EntryRecord` for
// replies.

import StatusCore

/// One action's gate and result. Instants are on the store's clock.
struct StoredEntry: Equatable, Sendable {
    /// The id is spelled as it was when the entry was created.
    var key: EntryKey
    var firstSeen: StoreMoment
    /// The gate is open from this time on.
    var opens: Instant
    /// The last granted call; nil if there was none.
    var lease: Lease?
    /// The end of the last call before the lease's that the upstream can have seen; nil if there is
    /// none, or its end is uncertain.
    var lastEnd: Instant?
    /// True once this upstream has reported the action's state.
    var isKnown = false
    /// The call whose result is stored: an older result does not replace it.
    var newest: ObservationMark?
    var answer: Answer?
    var negative: NegativeResult?
    /// When the id first got 404; nil if it never did, or a state came since.
    var notFoundSince: StoreMoment?

    /// The right to one call: only its owner moves the gate, and the call's end in the budgets.
    struct Lease: Equatable, Sendable {
        var token: FencingToken
        var reserved: Instant
        /// The latest time at which the call can end.
        var ends: Instant
        var state = CallState.underWay
        /// The budget classes that count the call.
        var classes: CallClasses
    }

    /// The call of the stored result, and the time of the result.
    struct ObservationMark: Equatable, Sendable {
        /// When the upstream answered or failed.
        var time: Instant
        /// The call's token, if it still owned its lease; nil: the lease was forgotten or taken
        /// over.
        var token: FencingToken?

        /// The order of tokens shows which result is newer. A forgotten call has no place in it,
        /// since a store that was set back grants later tokens for older results. Then the ages
        /// decide.
        func isNewer(than other: ObservationMark) -> Bool {
            if let token, let theirs = other.token { return token > theirs }
            return time > other.time || time == other.time && token != nil
        }
    }

    /// A state from the upstream; the document itself is stored beside the entry.
    struct Answer: Equatable, Sendable {
        var isDone: Bool
        /// On the wall clock of the process that received it.
        var checkedAt: WallTime
        var answered: StoreMoment
    }

    struct NegativeResult: Equatable, Sendable {
        var fault: UpstreamFault
        var repeats: Int
        var ended: StoreMoment
    }

    /// A finished action is never called for again while its state is kept.
    var isFinished: Bool { answer?.isDone == true }

    /// The record at `now`. An answer without its document is left out.
    func record(at now: StoreMoment, _ document: ActionDocument?) -> EntryRecord {
        var kept: KeptAnswer?
        if let answer, let document {
            kept = KeptAnswer(
                document: document, checkedAt: answer.checkedAt, age: now.since(answer.answered))
        }
        // Rows that are read after the clock may be newer than it.
        let time = max(now.time, lease?.reserved ?? .distantPast)
        return EntryRecord(
            key: key, opensIn: opens - time, firstSeenAgo: now.since(firstSeen),
            isKnown: isKnown, answer: kept,
            negative: negative.map { kept in
                KeptNegativeResult(
                    fault: kept.fault, repeats: kept.repeats, age: now.since(kept.ended))
            },
            notFoundAgo: notFoundSince.map(now.since))
    }
}

extension EntryKey {
    /// The same key with the id's first spelling; nil: the canonical one.
    func spelled(_ spelling: String?) -> EntryKey {
        EntryKey(source, ActionID(spelling ?? id.canonical) ?? id)
    }
}

extension ActionID {
    /// Nil if it is the canonical spelling.
    var otherSpelling: String? { text == canonical ? nil : text }
}

/// A point in time on the store's clock and on the wall clock.
struct StoreMoment: Equatable, Sendable {
    var time: Instant
    var wall: WallTime

    /// An age for people: the longer one by the two clocks, at least zero. The store's clock stops
    /// while the machine is down; the wall clock may have been set back.
    func since(_ earlier: StoreMoment) -> Duration {
        max(time - earlier.time, wall - earlier.wall, .zero)
    }

    static func - (moment: StoreMoment, span: Duration) -> StoreMoment {
        StoreMoment(
            time: moment.time - span,
            wall: WallTime(milliseconds: moment.wall.milliseconds - span.nanoseconds / 1_000_000))
    }
}
