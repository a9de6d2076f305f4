// The port to the journal: what a store has kept of upstream calls, for those who want proof.

/// Reads what a store keeps of upstream calls. Changes nothing, and works beside running services.
///
/// Blocks until the store has told: for tools, not for the service's queues. Calls leave the journal
/// an hour after no budget can count them any more, and the history begins anew with the store.
public protocol CallJournal {
    /// Hands over every call kept, in the order in which they were granted, as one moment of the
    /// store shows them.
    func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure)

    /// The smallest gap that each upstream has ever seen, as the store remembers it.
    func smallestGaps() throws(StoreFailure) -> [Source: Duration]
}

/// What a call is held to.
public struct CallLimits: Sendable, Equatable {
    /// From its end to the sending of the action's next call.
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

/// One granted call. Instants are on the store's clock, which stands still while the machine is
/// down: good for nothing but being compared with each other.
public struct JournaledCall: Sendable, Equatable {
    public var token: FencingToken
    public var key: EntryKey
    public var reserved: Instant
    /// What the wall clock showed then: for people.
    public var reservedAt: WallTime
    /// When the request was handed to the network; nil when it was not, or when nobody has said.
    public var sent: Instant?
    /// When the call ended; while that is not known for sure, the latest moment at which it can end.
    public var ended: Instant
    public var state: State
    /// No upstream had told the action's state when the call was granted.
    public var wasUnknown: Bool
    /// The outcome's word, once somebody has said it.
    public var outcome: String?
    /// The rules of the process that it was granted to; nil: not kept.
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
        /// Nobody has said yet how it went; after a crash, nobody ever will.
        case underWay
        /// It ended at `ended`.
        case ended
        /// Its owner gave up on it, but it may still have reached the upstream.
        case abandoned
    }

    /// The upstream never saw this call.
    public var wasNeverSent: Bool { state == .ended && sent == nil }
}
