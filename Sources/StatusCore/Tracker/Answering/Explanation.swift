// Why an action's answer is what it is: a picture of what the tracker knows of it, for people.

/// What is known of one action, and what stands between it and a newer answer. Making one causes no
/// call.
public struct Explanation: Sendable, Equatable {
    public var id: ActionID
    /// False: neither this process nor its store has ever been asked for it.
    public var wasAsked: Bool
    /// The upstreams that a question without `source` goes to, and why those.
    public var asked: [Source]
    public var choice: Choice
    /// One for each upstream that is on.
    public var sources: [SourceView]

    /// How the upstreams were chosen. The raw values are shown to callers.
    public enum Choice: String, CaseIterable, Sendable {
        /// No other one is on.
        case onlySource = "only-source"
        /// It answered with the state that is stored.
        case answeredBefore = "answered-before"
        /// It has answered with a state once, which is not stored any more.
        case knownBefore = "known-before"
        case idShape = "id-shape"
        /// The one that the id's shape suggests does not know it: the other is asked too.
        case notFoundAtFirst = "not-found-at-first"
        /// The id has no known shape: both are asked.
        case unknownShape = "unknown-shape"
    }

    /// One upstream's side of it.
    public struct SourceView: Sendable, Equatable {
        public var source: Source
        public var answer: AnswerView?
        public var failure: FailureView?
        public var progress: Progress
        /// What keeps a newer answer from being had now.
        public var whyNotFresher: Reason
        /// When the next call may happen; nil: not while the action's end is kept.
        public var nextCallAt: Instant?
        /// The last calls that this process made for the action, newest first.
        public var lastCalls: [MadeCall]
        /// Calls that the budget still allowed when the store was last asked for one.
        public var budgetLeft: BudgetLeft?
        public var breaker: BreakerView
        /// What keeps the upstream from being called, whichever action it is about.
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

    /// The last entry, when it brought no state.
    public struct FailureView: Sendable, Equatable {
        public var outcome: String
        public var httpStatus: Int?
        public var repeats: Int
        public var at: Instant
    }

    /// What is under way. The raw values are shown to callers.
    public enum Progress: String, CaseIterable, Sendable {
        case idle
        /// It waits for its turn.
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
        /// Nothing stands in the way but that nobody asks.
        case nobodyAsks

        /// What is wrong on our own side, for people.
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
    /// False when nothing reached the network.
    public var wasSent: Bool
}
