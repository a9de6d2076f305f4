// The result of an audit for one upstream.

/// Figures, and the violations of limits.
public struct AuditVerdict: Sendable, Equatable {
    /// Calls that the upstream can have seen.
    public var calls = 0
    /// Those of `calls` whose end is uncertain.
    public var withoutEnd = 0
    /// Those of `calls` whose rules are unknown: they are only counted.
    public var unjudged = 0
    /// Calls that were granted but never sent.
    public var neverSent = 0
    public var actions = 0
    /// When the first and the last of the calls were granted, by the wall clock.
    public var since: WallTime?
    public var until: WallTime?
    /// Between two calls of one action; nil when none was called twice.
    public var smallestGap: AuditedGap?
    public var busiestMinute: BusiestSpan?
    public var busiestDay: BusiestSpan?
    /// The first violations; at most ``violationsMax``.
    public internal(set) var violations: [AuditViolation] = []
    public internal(set) var violationCount = 0

    public static let violationsMax = 100

    public var holds: Bool { violationCount == 0 }
}

/// From the end of one call of an action to the sending of its next.
public struct AuditedGap: Sendable, Equatable {
    public var id: ActionID
    public var span: Duration
    /// The least gap by the first call's rules; nil: unknown.
    public var least: Duration?
    /// When the second call was granted, by the wall clock.
    public var at: WallTime
    /// False when an end or a sending is uncertain, and the worst case was assumed.
    public var isKnown: Bool

    init(from before: JournaledCall, to call: JournaledCall) {
        id = call.key.id
        least = before.limits?.minInterval
        span = (call.sent ?? call.reserved) - before.ended
        at = call.reservedAt
        // A call that was completed after the next one was granted: its owner had been stopped, and
        // reported the time of its waking, not of the call's end.
        let isEndKnown = before.state == .ended && before.ended <= call.reserved
        isKnown = isEndKnown && call.sent != nil
    }
}

/// The most calls in any window of a length, when the last of them was granted, and under which
/// limit.
public struct BusiestSpan: Sendable, Equatable {
    public var calls: Int
    public var until: WallTime
    /// Nil: no limit, or unknown.
    public var limit: Int?

    public init(calls: Int, until: WallTime, limit: Int?) {
        self.calls = calls
        self.until = until
        self.limit = limit
    }
}

/// A limit that, by the journal, may have been exceeded.
public enum AuditViolation: Sendable, Equatable {
    /// Two calls of one action were closer than `least`.
    case spacing(AuditedGap, least: Duration)
    /// A window had more calls than `limit`.
    case budget(BudgetKind, BusiestSpan, limit: Int)
}
