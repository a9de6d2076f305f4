// How a granted call ended: what a store is given, and what it replies.

/// How a granted call ended.
public struct Completion: Sendable, Equatable {
    public var key: EntryKey
    public var token: FencingToken
    public var gate: Gate
    /// Pause the whole upstream for that long from now. Never shortens a longer pause.
    public var pause: Duration?
    /// The call's effect on the process's breaker; nil: none for other processes.
    public var breaker: BreakerHint?
    /// How long ago the request was passed to the network; nil if nothing was sent.
    public var sentAgo: Duration?
    /// How long ago the upstream answered, or a little longer: the age of the result.
    public var answeredAgo: Duration
    public var observation: Observation
    /// The outcome's word for the journal: `answered`, or a fault's kind.
    public var outcome: String

    public init(
        key: EntryKey, token: FencingToken, gate: Gate, pause: Duration?,
        breaker: BreakerHint? = nil, sentAgo: Duration?, answeredAgo: Duration = .zero,
        observation: Observation, outcome: String
    ) {
        self.key = key
        self.token = token
        self.gate = gate
        self.pause = pause
        self.breaker = breaker
        self.sentAgo = sentAgo
        self.answeredAgo = answeredAgo
        self.observation = observation
        self.outcome = outcome
    }

    public enum Gate: Sendable, Equatable {
        /// The call has certainly ended: open that long from now.
        case opens(in: Duration)
        /// The call may still reach the upstream: keep the pessimistic value.
        case staysHeld
    }

    public enum Observation: Sendable, Equatable {
        /// Replaces the answer, deletes the negative result; the action is known from now on.
        case answer(ActionDocument, checkedAt: WallTime)
        /// Keeps the answer, replaces the negative result (its `age` counts: 0 is now).
        case negative(KeptNegativeResult)
        /// Nothing was learned of the action.
        case none
    }
}

/// One process's result on an upstream's health, for others without results of their own.
public enum BreakerHint: Sendable, Equatable {
    /// Its breaker has opened for that long from now. Never shortens another process's time.
    case opened(for: Duration)
    /// The upstream has recovered.
    case closed
}

/// The result of a completion.
public struct CompletionReply: Sendable, Equatable {
    /// The newest record of the action.
    public var record: EntryRecord
    /// The time between the end of the action's previous call and this call's sending: the upstream
    /// saw them at least that far apart. Nil for a first call, if nothing was sent, or if the end
    /// of the previous call is uncertain.
    public var gap: Duration?
    /// The smallest gap that this upstream has ever seen, from the store.
    public var smallestGap: Duration?

    public init(record: EntryRecord, gap: Duration?, smallestGap: Duration?) {
        self.record = record
        self.gap = gap
        self.smallestGap = smallestGap
    }
}
