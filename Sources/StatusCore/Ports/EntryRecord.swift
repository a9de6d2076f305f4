// What a store has of one action: its gate, its last state, its last call without one.

/// What is kept, or what became of the reservations.
public struct LookUpReply: Sendable, Equatable {
    public var records: [EntryRecord]
    /// Empty if there is any record.
    public var reservations: [Source: ReservationReply]

    public init(
        _ records: [EntryRecord] = [], reservations: [Source: ReservationReply] = [:]
    ) {
        self.records = records
        self.reservations = reservations
    }
}

/// The store's record of one action at one upstream.
public struct EntryRecord: Sendable, Equatable {
    /// The id is spelled as it was first asked for.
    public var key: EntryKey
    /// The time until the gate opens; zero or less if it is open.
    public var opensIn: Duration
    /// The time since this action was first asked for.
    public var firstSeenAgo: Duration
    /// True once this upstream has reported the action's state.
    public var isKnown: Bool
    /// The last state.
    public var answer: KeptAnswer?
    /// The last call's failure, if it brought no state.
    public var negative: KeptNegativeResult?
    /// The time since the first 404 for the id; nil if there was none, or a state came since.
    public var notFoundAgo: Duration?

    public init(
        key: EntryKey, opensIn: Duration, firstSeenAgo: Duration, isKnown: Bool,
        answer: KeptAnswer?, negative: KeptNegativeResult?, notFoundAgo: Duration? = nil
    ) {
        self.notFoundAgo = notFoundAgo
        self.key = key
        self.opensIn = opensIn
        self.firstSeenAgo = firstSeenAgo
        self.isKnown = isKnown
        self.answer = answer
        self.negative = negative
    }
}

/// A state, and when the upstream reported it.
public struct KeptAnswer: Sendable, Equatable {
    public var document: ActionDocument
    public var checkedAt: WallTime
    /// The time since the upstream answered. Stores compute it for each reply.
    public var age: Duration

    public init(document: ActionDocument, checkedAt: WallTime, age: Duration) {
        self.document = document
        self.checkedAt = checkedAt
        self.age = age
    }
}

/// A call that brought no state, and how many did in a row.
public struct KeptNegativeResult: Sendable, Equatable {
    public var fault: UpstreamFault
    /// Calls in a row with a fault of the same sort (404, or any other); 1 is the first.
    public var repeats: Int
    /// The time since the call ended. Stores compute it for each reply.
    public var age: Duration

    public init(fault: UpstreamFault, repeats: Int, age: Duration) {
        self.fault = fault
        self.repeats = repeats
        self.age = age
    }
}
