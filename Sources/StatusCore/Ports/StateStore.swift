// The port to the store: its operations, and its guarantees.
//
// The store has its own clock, which is not visible outside: durations in replies count from the
// store's "now" during the operation, durations in requests count back from the time of the
// request. On a later local clock, "opens in" is therefore never too early.

/// One action at one upstream, which has its own gate.
public struct EntryKey: Hashable, Sendable {
    public var source: Source
    public var id: ActionID

    public init(_ source: Source, _ id: ActionID) {
        self.source = source
        self.id = id
    }
}

/// Stores gates, budgets, pauses and answers, so that they survive crashes and restarts.
///
/// Every method returns at once; `reply` is called exactly once, on the store's own queue.
/// Operations of one store object are carried out in the order of the calls.
public protocol StateStore: Sendable {
    /// Replies with what is kept of some actions, one record for each source that has been asked. If that
    /// is nothing at all, carries out these reservations in the same atomic and durable step; they are of
    /// the one action that is looked up, each at another source.
    func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void)

    /// Takes a call from the budget and the action's slot, in one atomic and durable step, or
    /// replies why not. A grant survives a crash: until completion the gate stays shut for `hold`.
    func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void)

    /// Records how a granted call ended. Only the slot's last owner moves the gate; a completion by
    /// an older owner is only counted.
    func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void)

    /// Registers the configured sources, and replies with the smallest gap that each source has
    /// ever had. A source that is new to the store starts paused for its duration, since it may be
    /// the new name of another. Must be called before any reservation.
    func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void)

    /// Deletes what is no longer needed: finished answers after `terminalTTL`, others after
    /// `staleMax`, gates and counted calls that can no longer matter. Never deletes a gate that
    /// could still be shut.
    func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void)

    /// Calls `hear` with changes by other processes, on the store's own queue, from now until the
    /// store is closed. Must be called once, before anything else. As long as the store answers,
    /// each change is reported within half a second, even if notifications are lost.
    func listen(_ hear: @escaping @Sendable (StoreNotice) -> Void)

    /// Closes the store after the pending operations; `reply` comes last.
    func close(reply: @escaping @Sendable () -> Void)
}

extension StateStore {
    /// A store that is not shared reports no changes.
    public func listen(_ hear: @escaping @Sendable (StoreNotice) -> Void) {}

    /// Replies with what is kept of some actions, and reserves nothing.
    public func lookUp(
        _ ids: [ActionID],
        reply: @escaping @Sendable (Result<[EntryRecord], StoreFailure>) -> Void
    ) {
        lookUp(ids, orReserve: []) { reply($0.map(\.records)) }
    }
}

/// A change by another process of a shared store. It is a hint: it can arrive twice and, while the
/// store does not answer, late or never.
public enum StoreNotice: Sendable, Equatable {
    /// Another process completed a call of it: look it up again.
    case changed(ActionID)
    /// Changes may have been missed: re-read everything in use.
    case missed
}

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
    public var miss: KeptMiss?
    /// The time since the first 404 for the id; nil if there was none, or a state came since.
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
public struct KeptMiss: Sendable, Equatable {
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

/// A request to make one call.
public struct Reservation: Sendable, Equatable {
    public var key: EntryKey
    /// The least time between two calls for one action. Recorded with the call, for audits.
    public var minInterval: Duration
    /// How long the gate stays shut unless the call is completed: call deadline + interval + margin.
    public var hold: Duration
    /// How long the call itself can be under way: send window + call deadline + margin. Unless
    /// completed, it counts against the budget for that long plus a full window.
    public var flightMax: Duration
    public var budget: BudgetLimits
    /// Whether another process's open breaker applies, since this one has no recent results.
    public var heedsBreaker: Bool
    /// The caller's name, when caller keys are on.
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

    /// How long a store that was replaced or set back grants nothing: afterwards no forgotten call
    /// matters to a gate or the minute's budget.
    public var quarantine: Duration { max(hold, flightMax + BudgetLimits.minuteWindow) }
}

/// The call limits of one upstream. Ids without a state from any upstream may use at most half of
/// each, rounded down, but at least 1. Of that half, ids that this upstream has answered with 404
/// may use half, and so may each caller.
public struct BudgetLimits: Sendable, Equatable {
    /// In any 60 s.
    public var perMinute: Int
    /// In any 24 h; nil: not limited.
    public var perDay: Int?

    public init(perMinute: Int, perDay: Int?) {
        self.perMinute = perMinute
        self.perDay = perDay
    }

    /// The window of the contract, on the upstream's clock.
    public static let minute = Duration.seconds(60)
    public static let day = Duration.seconds(86_400)

    // Stores count over a thousandth more, at least 100 ms, since slewed clocks disagree by up to
    // 500 ppm.
    public static let minuteWindow = Duration.milliseconds(60_100)
    public static let dayWindow = Duration.milliseconds(86_486_400)

    /// The share of a limit for unknown ids.
    public static func unknownShare(of limit: Int) -> Int { max(1, limit / 2) }

    /// The part of that share for ids with a 404, and for one caller.
    public static func shareOfUnknown(_ share: Int) -> Int { max(1, share / 2) }
}

/// The result of a reservation.
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
        /// The call may be made within the send window, which counts from before the request.
        case granted(FencingToken)
        /// The action's gate is shut, or its stored state is final (then `opensIn` may be zero or
        /// less). The record is the store's newest.
        case gateShut(EntryRecord)
        case budgetSpent(opensIn: Duration, BudgetKind)
        /// The whole upstream is paused.
        case paused(opensIn: Duration)
        /// Another process's breaker is open, see ``Reservation/heedsBreaker``.
        case resting(opensIn: Duration)
        /// The store cannot be sure of its gates until then.
        case quarantined(opensIn: Duration)
    }
}

/// The budget that is spent.
public enum BudgetKind: String, CaseIterable, Sendable {
    case minute
    case day
    /// The half of the minute's budget for unknown ids.
    case minuteUnknown = "minute-unknown"
    /// The half of the day's budget for unknown ids.
    case dayUnknown = "day-unknown"
    /// The part of it for ids with a 404.
    case minuteNotFound = "minute-not-found"
    case dayNotFound = "day-not-found"
    /// The part of it for one caller.
    case minuteHolder = "minute-caller"
    case dayHolder = "day-caller"
}

/// The calls that the budget still allows.
public struct BudgetLeft: Sendable, Equatable {
    public var minute: Int
    public var day: Int?

    public init(minute: Int, day: Int?) {
        self.minute = minute
        self.day = day
    }
}

/// When counted calls stop counting against a budget, from the reply on.
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
    /// Pause the whole upstream for that long from now. Never shortens a longer pause.
    public var pause: Duration?
    /// The call's effect on the process's breaker; nil: none for other processes.
    public var breaker: BreakerHint?
    /// How long ago the request was passed to the network; nil if nothing was sent.
    public var sentAgo: Duration?
    /// How long ago the upstream answered, or a little longer: the age of the result.
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
        /// The call has certainly ended: open that long from now.
        case opens(in: Duration)
        /// The call may still reach the upstream: keep the pessimistic value.
        case staysHeld
    }

    public enum News: Sendable, Equatable {
        /// Replaces the answer, deletes the miss; the action is known from now on.
        case answer(ActionDocument, checkedAt: WallTime)
        /// Keeps the answer, replaces the miss (its `age` counts: 0 is now).
        case miss(KeptMiss)
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

/// How long records are kept.
public struct Retention: Sendable, Equatable {
    public var terminalTTL: Duration
    public var staleMax: Duration
    /// For misses, and gates without an answer.
    public var missMax: Duration

    public init(terminalTTL: Duration, staleMax: Duration, missMax: Duration) {
        self.terminalTTL = terminalTTL
        self.staleMax = staleMax
        self.missMax = missMax
    }
}

/// Why a store operation failed. It had no effect, or its effect is unknown.
public enum StoreFailure: Error, Sendable, Equatable {
    /// The store cannot be reached, is full, locked, broken or gone; the text is for operators.
    case unavailable(String)
    /// The store was closed.
    case closed
}
