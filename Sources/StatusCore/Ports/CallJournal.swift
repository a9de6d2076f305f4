// The port to the journal: a store's record of upstream calls, for audits.

/// Reads a store's record of upstream calls. Changes nothing, and works beside running services.
///
/// Blocks until the store has replied: for tools, not for the service's queues. Calls are deleted
/// from the journal an hour after the last budget that counts them, and a new store has an empty
/// journal.
public protocol CallJournal {
    /// Calls `body` for every recorded call, in the order of their grants, from a consistent
    /// snapshot of the store.
    func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure)

    /// The smallest gap that each upstream has ever seen, from the store.
    func smallestGaps() throws(StoreFailure) -> [Source: Duration]
}

/// The rules of a call.
public struct CallLimits: Sendable, Equatable {
    /// The least time from its end to the sending of the action's next call.
    public var minInterval: Duration
    /// How long the call itself can be under way.
    public var flightMax: Duration
    public var budget: BudgetLimits

    public init(minInterval: Duration, flightMax: Duration, budget: BudgetLimits) {
        self.minInterval = minInterval
        self.flightMax = flightMax
        self.budget = budget
    }
}

/// One granted call. Instants are on the store's clock, which stops while the machine is down: they
/// can only be compared with each other.
public struct JournaledCall: Sendable, Equatable {
    public var token: FencingToken
    public var key: EntryKey
    public var reserved: Instant
    /// The wall clock at that time, for people.
    public var reservedAt: WallTime
    /// When the request was passed to the network; nil if it was not, or if that is unknown.
    public var sent: Instant?
    /// When the call ended; while that is uncertain, the latest time at which it can end.
    public var ended: Instant
    public var state: State
    /// No upstream had reported the action's state when the call was granted.
    public var wasUnknown: Bool
    /// The outcome's word, once it is recorded.
    public var outcome: String?
    /// The rules under which it was granted; nil: not recorded.
    public var limits: CallLimits?

    public init(
        token: FencingToken, key: EntryKey, reserved: Instant, reservedAt: WallTime, sent: Instant?,
        ended: Instant, state: State, wasUnknown: Bool, outcome: String?, limits: CallLimits?
    ) {
        self.token = token
        self.key = key
        self.reserved = reserved
        self.reservedAt = reservedAt
        self.sent = sent
        self.ended = ended
        self.state = state
        self.wasUnknown = wasUnknown
        self.outcome = outcome
        self.limits = limits
    }

    public enum State: Sendable, CaseIterable {
        /// Not completed; after a crash, it never will be.
        case underWay
        /// It ended at `ended`.
        case ended
        /// Its owner gave up, but it may still have reached the upstream.
        case abandoned
    }

    /// The upstream never saw this call.
    public var wasNeverSent: Bool { state == .ended && sent == nil }
}
