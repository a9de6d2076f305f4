// Why an action's answer is what it is: a picture of what the tracker knows of it, for people.

/// What is known of one action, and what prevents a newer answer. Making one causes no call.
public struct Explanation: Sendable, Equatable {
    public var id: ActionID
    /// Whether this process or its store knows of an earlier request.
    public var wasAsked: Bool
    /// The upstreams for a question without `source`, and how they were chosen.
    public var asked: [Source]
    public var choice: Choice
    /// One entry for each upstream that is on.
    public var sources: [SourceView]

    /// How the upstreams were chosen. The raw values are shown to callers.
    public enum Choice: String, CaseIterable, Sendable {
        /// No other source is on.
        case onlySource = "only-source"
        /// It answered with the state that is stored.
        case answeredBefore = "answered-before"
        /// It has answered with a state before, which is no longer stored.
        case knownBefore = "known-before"
        case idShape = "id-shape"
        /// The sources whose pattern matches do not know the id: all others are asked.
        case notFoundAtFirst = "not-found-at-first"
        /// The id matches no pattern: all sources are asked.
        case unknownShape = "unknown-shape"
    }

    /// The view of one upstream.
    public struct SourceView: Sendable, Equatable {
        public var source: Source
        public var answer: AnswerView?
        public var failure: FailureView?
        public var progress: Progress
        /// What prevents a newer answer now.
        public var whyNotFresher: Reason
        /// When the next call may be made; nil while a final state is kept.
        public var nextCallAt: Instant?
        /// The last calls that this process made for the action, newest first.
        public var lastCalls: [MadeCall]
        /// The calls that the budget still allowed at the last reservation.
        public var budgetLeft: BudgetLeft?
        public var breaker: BreakerView
        /// The upstream's blocks, for any action.
        public var blocks: [SourceBlock]
    }

    public struct AnswerView: Sendable, Equatable {
        public var status: ActionStatus
        public var isDone: Bool
        public var checkedAt: WallTime
        public var answeredAt: Instant
        public var freshUntil: Instant
        public var staleReason: StaleReason?
    }

    /// The last call's result, if it brought no state.
    public struct FailureView: Sendable, Equatable {
        public var outcome: String
        public var httpStatus: Int?
        public var repeats: Int
        public var at: Instant
    }

    /// What is under way. The raw values are shown to callers.
    public enum Progress: String, CaseIterable, Sendable {
        case idle
        /// A refresh waits for its turn.
        case deferred
        case preparing
        case reserving
        case calling
        case completing
        /// Another process is calling.
        case elsewhere
    }

    public enum Reason: Sendable, Equatable {
        /// The action is done: there is nothing newer.
        case finished
        /// A refresh is under way.
        case underWay
        /// The interval since the last refresh has not passed.
        case interval
        case blocked(BlockReason, until: Instant)
        /// Nothing prevents a call, but there is no request.
        case nobodyAsks

        /// Trouble of this service itself, for people.
        public var detail: String? {
            guard case .blocked(.ourSide(let fault), _) = self else { return nil }
            return fault.message
        }

        /// The word for callers.
        public var word: String {
            switch self {
            case .finished: "finished"
            case .underWay: "refresh-under-way"
            case .interval: "interval"
            case .blocked(let reason, _): reason.word
            case .nobodyAsks: "nobody-asks"
            }
        }
    }

    public enum BreakerView: Sendable, Equatable {
        case closed
        case open(until: Instant)
        case halfOpen

        /// The word for callers.
        public var word: String {
            switch self {
            case .closed: "closed"
            case .open: "open"
            case .halfOpen: "half-open"
            }
        }
    }
}

/// One call that this process made.
public struct MadeCall: Sendable, Equatable {
    public var endedAt: Instant
    public var took: Duration
    /// `answered`, or a fault's kind.
    public var outcome: String
    /// Whether the request was passed to the network.
    public var wasSent: Bool
}
