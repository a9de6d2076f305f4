// The right to one call: what is asked of a store, and what it replies.

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
    /// The id as the upstream has got it before, and gets it again; nil: as requested.
    public var spelling: ActionID?

    public init(
        verdict: Verdict, budgetLeft: BudgetLeft, returns: BudgetReturns = BudgetReturns(),
        spelling: ActionID? = nil
    ) {
        self.verdict = verdict
        self.spelling = spelling
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
