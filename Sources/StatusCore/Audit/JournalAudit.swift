// Checks whether the limits were kept: a journal's calls come in, a verdict on each upstream goes
// out.

/// Checks spacing and budgets in the journal, each call by the rules under which it was granted: a
/// gap by the interval of its first call, a window by the budget of its last call.
///
/// The worst case is assumed where the journal is uncertain: a call without a known end has reached
/// the upstream as late as possible, and one without a known sending as early as possible. The
/// store's clock stops while the machine is down, so that time does not count. So no gap is taken
/// to be wider, and no minute to have fewer calls, than the upstream saw.
public struct JournalAudit {
    /// The current policies.
    private let policies: PerSource<SourcePolicy>
    private let judgesByCurrent: Bool
    private var audits: [Source: SourceAudit] = [:]

    /// `policies`: the current ones, for calls whose rules are unknown, and for all calls if
    /// `againstCurrent`.
    public init(_ policies: PerSource<SourcePolicy>, againstCurrent: Bool = false) {
        self.policies = policies
        judgesByCurrent = againstCurrent
    }

    /// The configured sources, and removed ones that have calls, ordered by name.
    public var sources: [Source] {
        policies.sources + audits.keys.filter { policies[$0] == nil }.sorted()
    }

    /// Takes the next call, in the order in which they were granted.
    public mutating func take(_ call: JournaledCall) {
        let source = call.key.source
        let unused = audit(of: source)
        audits[source, default: unused].take(call)
    }

    public func verdict(on source: Source) -> AuditVerdict {
        (audits[source] ?? audit(of: source)).verdict()
    }

    private func audit(of source: Source) -> SourceAudit {
        SourceAudit(
            current: policies[source].map(CallLimits.init), judgesByCurrent: judgesByCurrent)
    }
}

/// The audit of one upstream's calls.
private struct SourceAudit {
    let current: CallLimits?
    let judgesByCurrent: Bool
    private var figures = AuditVerdict()
    /// For each action, the call that can have reached the upstream last.
    private var last: [ActionID: JournaledCall] = [:]
    private var spans = CallSpans()
    private var unknownSpans = CallSpans()

    init(current: CallLimits?, judgesByCurrent: Bool) {
        self.current = current
        self.judgesByCurrent = judgesByCurrent
    }

    mutating func take(_ call: JournaledCall) {
        // It counted against the budget, but the upstream never saw it.
        guard !call.wasNeverSent else { return figures.neverSent += 1 }
        var call = call
        call.limits = judgesByCurrent ? current : call.limits ?? current
        if let limits = call.limits {
            call = call.bounded(by: limits.flightMax)
        } else {
            figures.unjudged += 1
        }
        figures.calls += 1
        if call.state != .ended { figures.withoutEnd += 1 }
        figures.since = min(figures.since ?? call.reservedAt, call.reservedAt)
        figures.until = max(figures.until ?? call.reservedAt, call.reservedAt)
        judgeSpacing(of: call)
        spans.add(call)
        if call.wasUnknown { unknownSpans.add(call) }
    }

    private mutating func judgeSpacing(of call: JournaledCall) {
        guard let before = last[call.key.id] else { return last[call.key.id] = call }
        let gap = AuditedGap(from: before, to: call)
        if gap.span < figures.smallestGap?.span ?? gap.span + .nanoseconds(1) {
            figures.smallestGap = gap
        }
        if let least = gap.least, gap.span < least { figures.add(.spacing(gap, least: least)) }
        if call.ended > before.ended { last[call.key.id] = call }
    }

    // The contract's windows, without the stores' margin for slewed clocks.
    private static let minute = Duration.seconds(60)
    private static let day = Duration.seconds(86_400)

    func verdict() -> AuditVerdict {
        var verdict = figures
        verdict.actions = last.count
        let (minute, day) = (BudgetLimits.minute, BudgetLimits.day)
        let minutes = spans.busiest(minute) { $0.perMinute }
        let days = spans.busiest(day) { $0.perDay }
        verdict.busiestMinute = minutes.figure
        verdict.busiestDay = days.figure
        verdict.judge(minutes.worst, .minute)
        let unknownMinutes = unknownSpans.busiest(minute) {
            BudgetLimits.unknownShare(of: $0.perMinute)
        }
        verdict.judge(unknownMinutes.worst, .minuteUnknown)
        verdict.judge(days.worst, .day)
        let unknownDays = unknownSpans.busiest(day) {
            $0.perDay.map(BudgetLimits.unknownShare)
        }
        verdict.judge(unknownDays.worst, .dayUnknown)
        return verdict
    }
}

extension CallLimits {
    fileprivate init(_ policy: SourcePolicy) {
        self.init(
            minInterval: policy.minInterval, flightMax: policy.flightMax, budget: policy.budget)
    }
}

extension JournaledCall {
    /// A call that was sent in time is under way no longer than that: an owner that completed it
    /// later had been stopped, and reported the time of its waking. The next call may have been
    /// granted correctly before.
    fileprivate func bounded(by flightMax: Duration) -> JournaledCall {
        guard state == .ended, ended > reserved + flightMax, let sent,
            sent <= reserved + GateTiming.sendWindow
        else { return self }
        var call = self
        call.state = .abandoned
        call.ended = reserved + flightMax
        return call
    }
}

extension AuditVerdict {
    fileprivate mutating func judge(_ worst: BusiestSpan?, _ kind: BudgetKind) {
        guard let worst, let limit = worst.limit else { return }
        add(.budget(kind, worst, limit: limit))
    }

    fileprivate mutating func add(_ violation: AuditViolation) {
        violationCount += 1
        if violations.count < Self.violationsMax { violations.append(violation) }
    }
}

/// The times at which calls can have reached an upstream, for counting in sliding windows.
private struct CallSpans {
    private var starts: [(reserved: Instant, at: WallTime, limits: BudgetLimits?)] = []
    private var ends: [Instant] = []

    mutating func add(_ call: JournaledCall) {
        starts.append((call.reserved, call.reservedAt, call.limits?.budget))
        ends.append(max(call.ended, call.reserved))
    }

    /// The most calls in any window of that length, and the window that exceeds its limit by the
    /// most calls, if any does.
    ///
    /// Take the calls that arrived within one window, and of them the one granted last, at `r`. All
    /// were granted by then, and none had ended `window` before `r`: so they are among those that
    /// count at `r`, and it is enough to count at each grant.
    func busiest(
        _ window: Duration, limit: (BudgetLimits) -> Int?
    ) -> (figure: BusiestSpan?, worst: BusiestSpan?) {
        let starts = starts.sorted { $0.reserved < $1.reserved }
        let ends = ends.sorted()
        var over = 0
        var busiest: BusiestSpan?
        var worst: BusiestSpan?
        var surplus = 0
        for (index, start) in starts.enumerated() {
            while over < ends.count, ends[over] <= start.reserved - window { over += 1 }
            let calls = index + 1 - over
            let span = BusiestSpan(
                calls: calls, until: start.at, limit: start.limits.flatMap(limit))
            if calls > busiest?.calls ?? 0 { busiest = span }
            if let limit = span.limit, calls - limit > surplus {
                worst = span
                surplus = calls - limit
            }
        }
        return (busiest, worst)
    }
}
