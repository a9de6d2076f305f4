// Whether the limits were kept: a journal's calls come in, a verdict on each upstream goes out.

/// Judges spacing and budgets by the journal, against the settings of today.
///
/// What is not known for sure is taken at its worst. A call without a known end is taken to have
/// reached the upstream as late as it can have, and one without a known sending as early as it can
/// have. The store's clock stands still while the machine is down, so that time counts as none. A
/// gap is therefore never wider, and a minute never emptier, than the upstream saw it.
public struct JournalAudit {
    private var audits: PerSource<SourceAudit>

    /// `policies`: what each upstream is held to; the calls of one that is off are only counted.
    public init(_ policies: PerSource<SourcePolicy?>) {
        audits = PerSource { SourceAudit(policy: policies[$0]) }
    }

    /// Takes the next call, in the order in which they were granted.
    public mutating func take(_ call: JournaledCall) { audits[call.key.source].take(call) }

    public func verdict(on source: Source) -> AuditVerdict { audits[source].verdict() }
}

/// One upstream's calls under judgement.
private struct SourceAudit {
    let policy: SourcePolicy?
    private var figures = AuditVerdict()
    /// Of each action: the call that can have reached the upstream last.
    private var last: [ActionID: JournaledCall] = [:]
    private var spans = CallSpans()
    private var unknownSpans = CallSpans()

    init(policy: SourcePolicy?) { self.policy = policy }

    mutating func take(_ call: JournaledCall) {
        // The budget paid for it, but the upstream never saw it.
        guard !call.wasNeverSent else { return figures.neverSent += 1 }
        let call = policy.map { call.bounded(by: $0.flightMax) } ?? call
        figures.calls += 1
        if call.key.isList { figures.listCalls += 1 }
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
        if let policy, gap.span < policy.minInterval {
            figures.add(.spacing(gap, least: policy.minInterval))
        }
        if call.ended > before.ended { last[call.key.id] = call }
    }

    // The contract's own windows, without what stores add for clocks that are slewed.
    private static let minute = Duration.seconds(60)
    private static let day = Duration.seconds(86_400)

    func verdict() -> AuditVerdict {
        var verdict = figures
        verdict.actions = last.keys.count { $0 != .list }
        verdict.busiestMinute = spans.busiest(BudgetLimits.minute)
        verdict.busiestDay = spans.busiest(BudgetLimits.day)
        let unknownMinute = unknownSpans.busiest(BudgetLimits.minute)
        let unknownDay = unknownSpans.busiest(BudgetLimits.day)
        guard let budget = policy?.budget else { return verdict }
        verdict.judge(verdict.busiestMinute, .minute, budget.perMinute)
        verdict.judge(
            unknownMinute, .minuteUnknown, BudgetLimits.unknownShare(of: budget.perMinute))
        guard let perDay = budget.perDay else { return verdict }
        verdict.judge(verdict.busiestDay, .day, perDay)
        verdict.judge(unknownDay, .dayUnknown, BudgetLimits.unknownShare(of: perDay))
        return verdict
    }
}

extension JournaledCall {
    /// What was sent in time is under way no longer than that: who settles later had been stopped, and
    /// tells when it woke. The next call may rightly have been granted before that.
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
    fileprivate mutating func judge(_ busiest: BusiestSpan?, _ kind: BudgetKind, _ limit: Int) {
        guard let busiest, busiest.calls > limit else { return }
        add(.budget(kind, busiest, limit: limit))
    }

    fileprivate mutating func add(_ violation: AuditViolation) {
        violationCount += 1
        if violations.count < Self.violationsMax { violations.append(violation) }
    }
}

/// When calls can have reached an upstream, for counting them in sliding windows.
private struct CallSpans {
    private var starts: [(reserved: Instant, at: WallTime)] = []
    private var ends: [Instant] = []

    mutating func add(_ call: JournaledCall) {
        starts.append((call.reserved, call.reservedAt))
        ends.append(max(call.ended, call.reserved))
    }

    /// The most calls that any window of that length can have held.
    ///
    /// Take the calls that arrived within one window, and of them the one granted last, at `r`. All
    /// were granted by then, and none had ended `window` before `r`: so they are among those that
    /// count at `r`, and it is enough to count at each grant.
    func busiest(_ window: Duration) -> BusiestSpan? {
        let starts = starts.sorted { $0.reserved < $1.reserved }
        let ends = ends.sorted()
        var over = 0
        var busiest: BusiestSpan?
        for (index, start) in starts.enumerated() {
            while over < ends.count, ends[over] <= start.reserved - window { over += 1 }
            let calls = index + 1 - over
            if calls > busiest?.calls ?? 0 { busiest = BusiestSpan(calls: calls, until: start.at) }
        }
        return busiest
    }
}
