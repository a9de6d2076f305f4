// The events that decisions add to the journal: evidence for audits, which no decision reads.

import StatusCore

/// One line of the journal. Lines are added, deleted when they are old, and never changed.
enum JournalEvent: Equatable, Sendable {
    case granted(GrantedCall)
    case completed(CompletedCall)
}

/// A call was granted. Instants are on the store's clock.
struct GrantedCall: Equatable, Sendable {
    var token: FencingToken
    var key: EntryKey
    var reserved: StoreMoment
    /// The latest time at which it can end.
    var ends: Instant
    var classes: CallClasses
    var limits: CallLimits?
}

/// The completion of a call.
struct CompletedCall: Equatable, Sendable {
    var token: FencingToken
    var key: EntryKey
    /// Ended, or given up.
    var state: CallState
    /// When it ended; nil if that is uncertain.
    var ended: Instant?
    var sent: Instant?
    var outcome: String
}

/// The raw values are stored.
enum CallState: Int64, Sendable {
    /// Granted and not completed.
    case underWay = 0
    /// It has certainly ended.
    case ended = 1
    /// Its owner gave up, but it may still have reached the upstream.
    case abandoned = 2
}

extension JournaledCall {
    init(_ granted: GrantedCall, _ completed: CompletedCall?) {
        let state: State =
            switch completed?.state ?? .underWay {
            case .underWay: .underWay
            case .ended: .ended
            case .abandoned: .abandoned
            }
        self.init(
            token: granted.token, key: granted.key, reserved: granted.reserved.time,
            reservedAt: granted.reserved.wall, sent: completed?.sent,
            ended: completed?.ended ?? granted.ends, state: state,
            wasUnknown: granted.classes.isUnknown, outcome: completed?.outcome,
            limits: granted.limits)
    }
}

extension CallLimits {
    /// From a journal's columns, with durations in nanoseconds. Nil if a call's rules are not
    /// recorded.
    init?(minInterval: Int64?, flightMax: Int64?, perMinute: Int64?, perDay: Int64?) {
        guard let minInterval, let flightMax, let perMinute else { return nil }
        self.init(
            minInterval: .nanoseconds(minInterval), flightMax: .nanoseconds(flightMax),
            budget: BudgetLimits(
                perMinute: Int(clamping: perMinute), perDay: perDay.map { Int(clamping: $0) }))
    }
}
