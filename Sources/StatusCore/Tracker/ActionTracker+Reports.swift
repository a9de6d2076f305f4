// What a call's report means: for the upstream, the gate, and what is known of the action.

extension ActionTracker {
    /// Takes from the report what concerns the whole upstream; returns how long it is left alone.
    mutating func judge(_ report: CallReport, _ key: LookKey) -> Duration? {
        let fault = report.outcome.fault
        if fault?.kind == .unauthorized { effects.append(.refuseCredential(key.source)) }
        if let left = report.hints.remaining {
            let span = report.hints.remainingFor ?? UpstreamState.callsLeftSpan
            upstreams[key.source]?.heard(callsLeft: left, for: span, now: now)
        }
        if let fault, fault.kind == .outOfResources {
            upstreams[key.source]?.ranShort(fault, until: now + Self.ourSideWait)
            touchWanted(key.source)
        }
        guard let pause = pause(report.hints, fault) else { return nil }
        leaveAlone(key.source, for: pause)
        // Who was held back by a pause that is on its way was not asked for another.
        if fault?.kind != .slotExpired {
            effects.append(.note(.paused(key.source, until: now + pause)))
        }
        touchWanted(key.source)
        return pause
    }

    /// Calls that are on their way to their sending are held back, too.
    mutating func leaveAlone(_ source: Source, for span: Duration) {
        upstreams[source]?.pause(until: now + span)
        effects.append(.leaveAlone(source, until: now + span))
    }

    /// A spent billing cycle is probed at most that often.
    static let cycleProbe = Duration.seconds(15 * 60)

    private func pause(_ hints: RateHints, _ fault: UpstreamFault?) -> Duration? {
        // Not sent for a 429 that is still coming: without a pause the next call would be tried at
        // once, and the one after it.
        if fault?.kind == .slotExpired { return hints.retryAfter }
        guard fault?.kind == .throttled || hints.remaining.map({ $0 <= 0 }) == true else {
            return nil
        }
        let told = hints.retryAfter ?? .seconds(60)
        return hints.isCycleLimit ? max(told, Self.cycleProbe) : told
    }

    /// Tells what others should know of it.
    mutating func countForBreaker(
        _ fault: UpstreamFault?, _ key: LookKey, _ flight: Flight
    ) -> BreakerHint? {
        guard let kind = fault?.kind, kind.tripsBreaker else {
            if fault?.kind.meansNoCall == true {
                upstreams[key.source]?.breaker.dropped(flight: flight.number)
                return nil
            }
            let wasOpen = upstreams[key.source]?.breaker.trips ?? 0 > 0
            upstreams[key.source]?.breaker.succeeded(now)
            guard wasOpen else { return nil }
            effects.append(.note(.breakerClosed(key.source)))
            return .closed
        }
        let until = upstreams[key.source]?.breaker.failed(
            flight: flight.number, now: now, random: random.next())
        guard let until else { return nil }
        effects.append(.note(.breakerOpened(key.source, until: until)))
        touchWanted(key.source)
        return .opened(for: until - now)
    }

    mutating func news(_ report: CallReport, _ key: LookKey) -> Settlement.News {
        guard let look = actions[key.id]?.looks[key.source] else { return .none }
        switch report.outcome {
        case .answered(let document):
            if look.answer?.document.isDone == true, !document.isDone {
                effects.append(.note(.terminalRegressed(key)))
                return .none
            }
            return .answer(document, checkedAt: report.checkedAt)
        case .failed(let fault) where fault.kind.leavesSlotUnused: return .none
        case .notFound(let fault), .failed(let fault):
            let repeats = look.nextMiss(fault, at: now).repeats
            return .miss(KeptMiss(fault: fault, repeats: repeats, age: .zero))
        }
    }

    /// When the gate opens again. A call that timed out may still be on its way to the upstream:
    /// the pessimistic value stays. One that was never sent frees its slot.
    func gate(_ report: CallReport, _ policy: SourcePolicy) -> Settlement.Gate {
        let kind = report.outcome.fault?.kind
        if kind?.leavesSlotUnused == true, report.sentAt == nil { return .opens(in: .zero) }
        if kind == .timedOut, report.sentAt != nil { return .staysHeld }
        let interval = policy.minInterval + policy.slew
        guard kind != nil, let retryAfter = report.hints.retryAfter else {
            return .opens(in: interval)
        }
        return .opens(in: max(interval, retryAfter))
    }

    mutating func apply(_ report: CallReport, _ key: LookKey) {
        guard var look = actions[key.id]?.looks[key.source] else { return }
        let wasKnown = look.isKnown
        switch report.outcome {
        case .answered(let document):
            guard document.isDone || look.answer?.document.isDone != true else { return }
            // A process that was stopped in mid-call may have heard of a later one before.
            guard document.isDone || look.answer?.newsAt ?? .distantPast <= report.answeredAt
            else { return }
            look.answer = Look.Told(
                document: document, checkedAt: report.checkedAt, at: report.endedAt,
                newsAt: report.answeredAt, answeredAt: report.answeredAt)
            look.miss = nil
            look.notFoundSince = nil
            look.isKnown = true
        case .failed(let fault) where fault.kind.leavesSlotUnused: return
        case .notFound(let fault), .failed(let fault):
            look.miss = look.nextMiss(fault, at: report.endedAt)
            if fault.kind == .notFound { look.notFoundSince = look.notFoundSince ?? report.endedAt }
        }
        actions[key.id]?.looks[key.source] = look
        if look.isKnown != wasKnown { lineUpAsKnown(key.id) }
    }

    mutating func noteCall(_ report: CallReport, _ key: LookKey, _ flight: Flight) {
        let call = MadeCall(
            endedAt: report.endedAt, took: report.endedAt - (report.sentAt ?? flight.startedAt),
            outcome: report.outcome.word, wasSent: report.sentAt != nil)
        callLog[key.source].append(key.id, call)
        effects.append(
            .note(
                .called(
                    key, outcome: call.outcome, took: call.took, sent: call.wasSent,
                    detail: report.outcome.fault)))
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
