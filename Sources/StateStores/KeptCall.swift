// One upstream call in the journal that budgets count over, and what is kept of a whole upstream.

import StatusCore

/// A granted call. Instants are on the store's clock.
struct KeptCall: Equatable {
    var token: SlotToken
    var key: LookKey
    /// The action's call before.
    var before: SlotToken?
    var reserved: StoreMoment
    /// When it ended; while that is not known for sure, the latest moment at which it can end.
    var ended: Instant
    var state: State
    /// No upstream had told the action's state when the call was granted.
    var wasUnknown: Bool
    /// Such an id had read as 404 before.
    var wasNotFound = false
    /// The key holder who asked for such an id.
    var holder: String?
    /// When the request was handed to the network.
    var sent: Instant?
    var outcome: String?
    var limits: CallLimits?

    /// The raw values are kept in files.
    enum State: Int64 {
        /// Granted; nobody has said yet how it went.
        case underWay = 0
        /// It ended at `ended`.
        case ended = 1
        /// Its owner gave up on it, but it may still have reached the upstream.
        case abandoned = 2
    }

    /// The upstream never saw this call.
    var wasNeverSent: Bool { state == .ended && sent == nil }

    /// As readers of the journal see it.
    var journaled: JournaledCall {
        JournaledCall(
            token: token, key: key, reserved: reserved.time, reservedAt: reserved.wall, sent: sent,
            ended: ended, state: state.journaled, wasUnknown: wasUnknown, outcome: outcome,
            limits: limits)
    }
}

extension KeptCall.State {
    fileprivate var journaled: JournaledCall.State {
        switch self {
        case .underWay: .underWay
        case .ended: .ended
        case .abandoned: .abandoned
        }
    }
}

/// What is kept of one upstream as a whole.
struct KeptSource: Equatable {
    var pausedUntil: Instant?
    /// A process that found the upstream failing leaves it alone until then.
    var breakerUntil: Instant?
    var smallestGap: Duration?
}

extension CallLimits {
    /// From a journal's columns, spans in nanoseconds. Nil where a call's rules are not kept.
    init?(minInterval: Int64?, flightMax: Int64?, perMinute: Int64?, perDay: Int64?) {
        guard let minInterval, let flightMax, let perMinute else { return nil }
        self.init(
            minInterval: .nanoseconds(minInterval), flightMax: .nanoseconds(flightMax),
            budget: BudgetLimits(
                perMinute: Int(clamping: perMinute), perDay: perDay.map { Int(clamping: $0) }))
    }
}
