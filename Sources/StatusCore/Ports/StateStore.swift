// The port to the store: what the gate asks of it, and what it promises in return.
//
// The store has its own clock and never shows it: spans in replies count from the store's "now"
// while the operation was carried out, spans in requests count back from the moment of the request.
// Read on a later local clock, "opens in" is therefore never too early.

/// One action at one upstream: what has a gate of its own.
public struct EntryKey: Hashable, Sendable {
    public var source: Source
    public var id: ActionID

    public init(_ source: Source, _ id: ActionID) {
        self.source = source
        self.id = id
    }
}

/// Keeps gates, budgets, pauses and answers, so that neither a crash nor a restart forgets them.
///
/// Every method returns at once; `reply` is called exactly once, on a queue of the store's own.
/// Operations of one store object are carried out in the order in which they were asked for.
public protocol StateStore: Sendable {
    /// Replies with what is kept of some actions, one record for each source that has been asked.
    func lookUp(
        _ ids: [ActionID],
        reply: @escaping @Sendable (Result<[EntryRecord], StoreFailure>) -> Void)

    /// Takes a call out of the budget and the action's slot, in one atomic and durable step, or
    /// says why not. A grant survives a crash: until completed the gate stays shut for `hold`.
    func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void)

    /// Says how a granted call ended. Only the slot's last owner moves the gate; what an older owner
    /// says is only counted.
    func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void)

    /// Enters the configured sources, and replies with the smallest gap that each source has ever had.
    /// One that is new here is left alone for its span first: it may be the new name of another. Asked
    /// before any reservation.
    func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void)

    /// Drops what is past its use: finished answers after `terminalTTL`, others after `staleMax`,
    /// gates and counted calls that can no longer matter. Never a gate that could still be shut.
    func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void)

    /// Has `hear` called with what other processes have done, on a queue of the store's own, from
    /// now until the store is closed. Asked for once, before anything else. As long as the store
    /// answers, each change is heard of within half a second, whatever gets lost.
    func listen(_ hear: @escaping @Sendable (StoreNotice) -> Void)

    /// Ends all use of the store after the operations asked for so far; `reply` comes last.
    func close(reply: @escaping @Sendable () -> Void)
}

extension StateStore {
    /// A store without neighbours has nothing to tell.
    public func listen(_ hear: @escaping @Sendable (StoreNotice) -> Void) {}
}

/// News of what other processes have done to a shared store. A hint where to look: it can come twice,
/// and while the store does not answer, late or not at all.
public enum StoreNotice: Sendable, Equatable {
    /// Another process completed a call of it: look it up again.
    case changed(ActionID)
    /// Notices may have been lost: re-read what is in use.
    case missed
}

/// What the store keeps of one action at one upstream.
public struct EntryRecord: Sendable, Equatable {
    /// Its id is spelled as it was first asked for.
    public var key: EntryKey
    /// Until the gate opens; zero or less when it is open.
    public var opensIn: Duration
    /// Since this action was first asked for.
    public var firstSeenAgo: Duration
    /// True once this upstream has ever told the action's state.
    public var isKnown: Bool
    /// The last state told.
    public var answer: KeptAnswer?
    /// The last look's failure, when it did not bring a state.
    public var miss: KeptMiss?
    /// Since the id first read as 404; nil when it never did, or has been answered for since.
    public var notFoundAgo: Duration?

    public init(
        key: EntryKey, opensIn: Duration, firstSeenAgo: Duration, isKnown: Bool,
        answer: KeptAnswer?, miss: KeptMiss?, notFoundAgo: Duration? = nil
    ) {
        self.notFoundAgo = notFoundAgo
        self.key = key
        self.opensIn = opensIn
        self.firstSeenAgo = firstSeenAgo
        self.isKnown = isKnown
        self.answer = answer
        self.miss = miss
    }
}

/// A state, and when the upstream told it.
public struct KeptAnswer: Sendable, Equatable {
    public var document: ActionDocument
    public var checkedAt: WallTime
    /// Since the upstream answered. Stores compute it anew for each reply.
    public var age: Duration

    public init(document: ActionDocument, checkedAt: WallTime, age: Duration) {
        self.document = document
        self.checkedAt = checkedAt
        self.age = age
    }
}

/// A look that brought no state, and how often in a row that was so.
public struct KeptMiss: Sendable, Equatable {
    public var fault: UpstreamFault
    /// Looks in a row that ended in a fault of the same sort (404, or anything else); 1 is the first.
    public var repeats: Int
    /// Since the look ended. Stores compute it anew for each reply.
    public var age: Duration

    public init(fault: UpstreamFault, repeats: Int, age: Duration) {
        self.fault = fault
        self.repeats = repeats
        self.age = age
    }
}

/// A wish to make one call.
public struct Reservation: Sendable, Equatable {
    public var key: EntryKey
    /// Two calls for one action are at least that far apart. Kept with the call, for audits.
    public var minInterval: Duration
    /// How long the gate stays shut unless the call is completed: call deadline + interval + margin.
    public var hold: Duration
    /// How long the call itself can still be under way: send window + call deadline + margin. It
    /// counts against the budget for that long and a full window more, unless completed.
    public var flightMax: Duration
    public var budget: BudgetLimits
    /// Nothing speaks for the upstream's health here: another process's open breaker counts.
    public var heedsBreaker: Bool
    /// The key holder who asks for the action, when caller keys are on.
    public var holder: String?

    public init(
        key: EntryKey, minInterval: Duration, hold: Duration, flightMax: Duration,
        budget: BudgetLimits, heedsBreaker: Bool = false, holder: String? = nil
    ) {
        self.holder = holder
        self.key = key
        self.minInterval = minInterval
        self.hold = hold
        self.flightMax = flightMax
        self.budget = budget
        self.heedsBreaker = heedsBreaker
    }

    public var limits: CallLimits {
        CallLimits(minInterval: minInterval, flightMax: flightMax, budget: budget)
    }

    /// How long a store that was exchanged or set back grants nothing: by then no call that it has
    /// forgotten matters to a gate any more, nor to the minute's budget.
    public var quarantine: Duration { max(hold, flightMax + BudgetLimits.minuteWindow) }
}

/// How many calls one upstream may see. Ids that no upstream has ever told a state of may use at
/// most half of each, rounded down, but at least 1. Half of that half in turn is the most for ids that
/// this upstream has answered with a 404, and for what one key holder asks for.
public struct BudgetLimits: Sendable, Equatable {
    /// In any 60 s.
    public var perMinute: Int
    /// In any 24 h; nil: not limited.
    public var perDay: Int?

    public init(perMinute: Int, perDay: Int?) {
        self.perMinute = perMinute
        self.perDay = perDay
    }

    /// What is promised to the upstream, on its own clock.
    public static let minute = Duration.seconds(60)
    public static let day = Duration.seconds(86_400)

    // What a store counts over is a thousandth more, at least 100 ms: clocks that are being slewed
    // disagree by up to 500 ppm.
    public static let minuteWindow = Duration.milliseconds(60_100)
    public static let dayWindow = Duration.milliseconds(86_486_400)

    /// The share of a limit that ids of no known action may use.
    public static func unknownShare(of limit: Int) -> Int { max(1, limit / 2) }

    /// The part of that share that ids may use which have read as 404, and that one key holder may use.
    public static func shareOfUnknown(_ share: Int) -> Int { max(1, share / 2) }
}

/// What became of a reservation.
public struct ReservationReply: Sendable, Equatable {
    public var verdict: Verdict
    public var budgetLeft: BudgetLeft
    public var returns: BudgetReturns

    public init(
        verdict: Verdict, budgetLeft: BudgetLeft, returns: BudgetReturns = BudgetReturns()
    ) {
        self.verdict = verdict
        self.budgetLeft = budgetLeft
        self.returns = returns
    }

    public enum Verdict: Sendable, Equatable {
        /// The call may be made, within the send window, counted from before the request.
        case granted(FencingToken)
        /// The action's gate is shut, or its end is kept and it is not asked for again (`opensIn`
        /// may be zero or less then); the record is the newest that the store has.
        case gateShut(EntryRecord)
        case budgetSpent(opensIn: Duration, BudgetKind)
        /// The whole upstream is to be left alone.
        case paused(opensIn: Duration)
        /// Somebody else has found the upstream failing, see ``Reservation/heedsBreaker``.
        case resting(opensIn: Duration)
        /// The store cannot vouch for its gates until then.
        case quarantined(opensIn: Duration)
    }
}

/// Which budget stands in the way.
public enum BudgetKind: String, CaseIterable, Sendable {
    case minute
    case day
    /// The half of the minute's budget that ids of no known action may use.
    case minuteUnknown = "minute-unknown"
    /// The half of the day's budget that ids of no known action may use.
    case dayUnknown = "day-unknown"
    /// The part of it that ids may use which have read as 404.
    case minuteNotFound = "minute-not-found"
    case dayNotFound = "day-not-found"
    /// The part of it that one key holder may use.
    case minuteHolder = "minute-caller"
    case dayHolder = "day-caller"
}

/// Calls that the budget still allows now.
public struct BudgetLeft: Sendable, Equatable {
    public var minute: Int
    public var day: Int?

    public init(minute: Int, day: Int?) {
        self.minute = minute
        self.day = day
    }
}

/// When calls that a budget counts stop counting, from the reply on.
public struct BudgetReturns: Sendable, Equatable {
    public struct Calls: Sendable, Equatable {
        public var after: Duration
        public var count: Int

        public init(after: Duration, count: Int) {
            self.after = after
            self.count = count
        }
    }

    public var minute: [Calls]
    public var day: [Calls]

    public init(minute: [Calls] = [], day: [Calls] = []) {
        self.minute = minute
        self.day = day
    }
}

/// The right to one call: unique in its store, growing.
public struct FencingToken: Hashable, Comparable, Sendable {
    public var number: Int64

    public init(_ number: Int64) { self.number = number }

    public static func < (a: FencingToken, b: FencingToken) -> Bool { a.number < b.number }
}

/// How a granted call ended.
public struct Completion: Sendable, Equatable {
    public var key: EntryKey
    public var token: FencingToken
    public var gate: Gate
    /// Leave the whole upstream alone for that long from now. Never shortens a longer pause.
    public var pause: Duration?
    /// What the call has done to the caller's breaker; nil: nothing that others should know.
    public var breaker: BreakerHint?
    /// How long ago the request was handed to the network; nil when nothing was sent.
    public var sentAgo: Duration?
    /// How long ago the upstream answered, or a little longer: the age of the news.
    public var answeredAgo: Duration
    public var news: News
    /// The outcome's word for the journal: `answered`, or a fault's kind.
    public var outcome: String

    public init(
        key: EntryKey, token: FencingToken, gate: Gate, pause: Duration?,
        breaker: BreakerHint? = nil, sentAgo: Duration?, answeredAgo: Duration = .zero,
        news: News, outcome: String
    ) {
        self.key = key
        self.token = token
        self.gate = gate
        self.pause = pause
        self.breaker = breaker
        self.sentAgo = sentAgo
        self.answeredAgo = answeredAgo
        self.news = news
        self.outcome = outcome
    }

    public enum Gate: Sendable, Equatable {
        /// The call has ended for sure: open that long from now.
        case opens(in: Duration)
        /// The call may still reach the upstream: leave the pessimistic value.
        case staysHeld
    }

    public enum News: Sendable, Equatable {
        /// Replaces the answer, forgets the miss; the action is known from now on.
        case answer(ActionDocument, checkedAt: WallTime)
        /// Keeps the answer, replaces the miss (its `age` counts: 0 is now).
        case miss(KeptMiss)
        /// Nothing was learned of the action.
        case none
    }
}

/// What one process has learned of an upstream's health, for others that know nothing of it.
public enum BreakerHint: Sendable, Equatable {
    /// Its breaker has opened for that long from now. Never shortens what another has said.
    case opened(for: Duration)
    /// It is well again.
    case closed
}

/// What completing found.
public struct CompletionReply: Sendable, Equatable {
    /// The newest record of the action.
    public var record: EntryRecord
    /// Between the end of the action's call before and this call's sending: the upstream saw the two
    /// at least that far apart. Nil for a first call, when nothing was sent, or when it is not known
    /// for sure when the call before ended.
    public var gap: Duration?
    /// The smallest gap that this upstream has ever seen, as the store remembers it.
    public var smallestGap: Duration?

    public init(record: EntryRecord, gap: Duration?, smallestGap: Duration?) {
        self.record = record
        self.gap = gap
        self.smallestGap = smallestGap
    }
}

/// How long what is kept is of use.
public struct Retention: Sendable, Equatable {
    public var terminalTTL: Duration
    public var staleMax: Duration
    /// Misses and bare gates.
    public var missMax: Duration

    public init(terminalTTL: Duration, staleMax: Duration, missMax: Duration) {
        self.terminalTTL = terminalTTL
        self.staleMax = staleMax
        self.missMax = missMax
    }
}

/// Why a store operation was not carried out. Nothing of it has taken effect, or it cannot be known.
public enum StoreFailure: Error, Sendable, Equatable {
    /// The store cannot be reached, is full, locked, broken or gone; the text is for operators.
    case unavailable(String)
    /// The store was closed.
    case closed
}
