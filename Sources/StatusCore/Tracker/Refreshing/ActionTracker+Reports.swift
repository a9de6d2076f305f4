// Interprets a call's report, for the upstream as a whole and for the gate.

extension ActionTracker {
    mutating func called(_ key: EntryKey, _ number: UInt64, _ report: CallReport) {
        guard let flight = flight(key, number), case .calling(let token) = flight.stage,
            let upstream = upstreams[key.source]
        else { return }
        upstreams[key.source]?.callEnded()
        if report.outcome.fault?.kind.meansNoCall != true {
            upstreams[key.source]?.answered(flightFrom: flight.startedAt)
        }
        let breaker = countForBreaker(report.outcome.fault, key, flight)
        judgeMeans(report.outcome.fault, key.source)
        let pause = judge(report, key)
        let completion = Completion(
            key: key, token: token, gate: gate(report, upstream.policy), pause: pause,
            breaker: breaker, sentAgo: report.sentAt.map { now - $0 },
            answeredAgo: now - report.answeredAt, observation: observation(report, key),
            outcome: report.outcome.word)
        setStage(key, .completing(report, completion, askedAt: now))
        effects.append(.complete(completion, flight: number))
        noteCall(report, key, flight)
        touch(key.id)
    }

    private mutating func noteCall(_ report: CallReport, _ key: EntryKey, _ flight: Flight) {
        let call = MadeCall(
            endedAt: report.endedAt, took: report.endedAt - (report.sentAt ?? flight.startedAt),
            outcome: report.outcome.word, wasSent: report.sentAt != nil)
        callLog[key.source]?.append(key.id, call, report.outcome)
        effects.append(
            .note(
                .called(
                    key, outcome: call.outcome, took: call.took, sent: call.wasSent,
                    detail: report.outcome.fault, cause: flight.cause)))
    }

    // MARK: The upstream

    /// Applies the report to the upstream as a whole; returns the pause.
    private mutating func judge(_ report: CallReport, _ key: EntryKey) -> Duration? {
        let fault = report.outcome.fault
        if fault?.kind == .unauthorized { effects.append(.refuseCredential(key.source)) }
        if let left = report.hints.remaining {
            let span = report.hints.remainingFor ?? CallsLeft.span
            upstreams[key.source]?.reported(callsLeft: left, for: span, now: now)
        }
        if let fault, fault.kind == .outOfResources {
            upstreams[key.source]?.ranShort(fault, until: now + Self.ourSideWait)
            block(key.source, SourceBlock(.resources, fault: fault))
            answerBlocked(key.source)
        }
        guard let pause = pause(report.hints, fault) else { return nil }
        let until = leaveAlone(key.source, for: pause)
        // A call that was stopped by an announced pause has not asked for another one.
        if fault?.kind != .slotExpired {
            let cause = fault ?? UpstreamFault(kind: .throttled, message: "no calls are left")
            block(key.source, SourceBlock(.pause, fault: cause, until: until))
        }
        answerBlocked(key.source)
        return pause
    }

    /// Also stops calls that have not been sent yet. Returns the end of the pause.
    mutating func leaveAlone(_ source: Source, for span: Duration) -> Instant? {
        effects.append(.leaveAlone(source, until: now + span))
        return upstreams[source]?.pause(until: now + span)
    }

    /// The least time between two probes of a spent billing cycle.
    static let cycleProbe = Duration.seconds(15 * 60)

    private func pause(_ hints: RateHints, _ fault: UpstreamFault?) -> Duration? {
        // Not sent because of a 429 that is still arriving: without a pause all further calls would
        // be tried at once.
        if fault?.kind == .slotExpired { return hints.retryAfter }
        guard fault?.kind == .throttled || hints.remaining.map({ $0 <= 0 }) == true else {
            return nil
        }
        let span = hints.retryAfter ?? .seconds(60)
        return hints.isCycleLimit ? max(span, Self.cycleProbe) : span
    }

    /// Returns the hint for other processes.
    private mutating func countForBreaker(
        _ fault: UpstreamFault?, _ key: EntryKey, _ flight: Flight
    ) -> BreakerHint? {
        guard let kind = fault?.kind, kind.tripsBreaker else {
            if fault?.kind.meansNoCall == true {
                upstreams[key.source]?.breaker.dropped(flight: flight.number)
                return nil
            }
            let wasOpen = upstreams[key.source]?.breaker.trips ?? 0 > 0
            upstreams[key.source]?.breaker.succeeded(now)
            guard wasOpen else { return nil }
            unblock(key.source, .breaker)
            return .closed
        }
        let until = upstreams[key.source]?.breaker.failed(
            flight: flight.number, now: now, random: random.next())
        guard let until else { return nil }
        block(key.source, SourceBlock(.breaker, fault: fault, until: until))
        answerBlocked(key.source)
        return .opened(for: until - now)
    }

    // MARK: The gate and the observation

    private mutating func observation(_ report: CallReport, _ key: EntryKey)
        -> Completion.Observation
    {
        guard let entry = actions[key.id]?.entries[key.source] else { return .none }
        switch report.outcome {
        case .answered(let document):
            if entry.observed?.document.isDone == true, !document.isDone {
                effects.append(.note(.terminalRegressed(key)))
                return .none
            }
            if document.isDone, entry.observed?.document.isDone != true {
                callLog[key.source]?.foundDone()
                effects.append(.note(.finished(key, document.status, document.ending)))
            }
            return .answer(document, checkedAt: report.checkedAt)
        case .failed(let fault) where fault.kind.leavesSlotUnused: return .none
        case .notFound(let fault), .failed(let fault):
            let repeats = entry.nextNegative(fault, at: now).repeats
            return .negative(KeptNegativeResult(fault: fault, repeats: repeats, age: .zero))
        }
    }

    /// When the gate opens again. A call that timed out may still reach the upstream, so the
    /// pessimistic value stays. One that was never sent frees its slot.
    private func gate(_ report: CallReport, _ policy: SourcePolicy) -> Completion.Gate {
        let kind = report.outcome.fault?.kind
        if kind?.leavesSlotUnused == true, report.sentAt == nil { return .opens(in: .zero) }
        if kind == .timedOut, report.sentAt != nil { return .staysHeld }
        let interval = policy.minInterval + policy.slew
        guard kind != nil, let retryAfter = report.hints.retryAfter else {
            return .opens(in: interval)
        }
        return .opens(in: max(interval, retryAfter))
    }
}

extension CallOutcome {
    var fault: UpstreamFault? {
        switch self {
        case .answered: nil
        case .notFound(let fault), .failed(let fault): fault
        }
    }

    /// The word for the journal and metrics.
    var word: String { fault?.kind.rawValue ?? "answered" }
}

/// A small random generator for jitter, seeded so that a run can be replayed.
struct SplitMix64: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
