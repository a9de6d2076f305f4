// A call's way to the upstream and back. As the client promises, nothing is sent at or after
// `sendBefore` or while the upstream must not be called, a call is one request, and it ends by its
// deadline.

@testable import StatusCore

extension World {
    func call(_ key: EntryKey, _ flight: UInt64, _ sendBefore: Instant, _ replica: Replica) {
        judge.called(replica, key, at: now)
        trace.note(now, "\(replica.index) call \(key.id) \(key.source)")
        var key = key
        if mutant == .spelledAsAsked, random.fork(0x7370_656c).permilleOnce(500) {
            key = EntryKey(key.source, key.id.inOtherCase)
        }
        replica.calls[flight] = SimCall(
            key: key, sendBefore: sendBefore, startedAt: now, sentAt: nil,
            share: replica.grants.removeValue(forKey: flight) ?? Share())
        deliver(replica, after: deadline(key)) {
            $0.end(flight, .failed(UpstreamFault(kind: .timedOut)), replica)
        }
        deliver(replica, after: connectSpan()) { $0.send(flight, replica) }
    }

    private func deadline(_ key: EntryKey) -> Duration {
        scenario.policy.sources[key.source]?.callDeadline ?? .zero
    }

    private func connectSpan() -> Duration {
        guard isFaulty, random.permille(scenario.oddCallShare) else {
            return random.milliseconds(0...20)
        }
        return random.milliseconds(0...3000)
    }

    /// The last reading of the clock before the bytes are sent.
    private func send(_ flight: UInt64, _ replica: Replica) {
        guard var call = replica.calls[flight] else { return }
        let local = replica.clock.shows(now)
        let isLate = local >= call.sendBefore && mutant != .lateSend
        guard !isLate, local >= replica.leftAlone[call.key.source] ?? .distantPast else {
            return end(flight, .failed(UpstreamFault(kind: .slotExpired)), replica)
        }
        if isFaulty, random.permille(scenario.oddCallShare / 10) {
            let kind = random.pick([UpstreamFault.Kind.connectFailed, .tlsFailed, .outOfResources])
            return end(flight, .failed(UpstreamFault(kind: kind)), replica)
        }
        judge.sent(replica, call.key, at: now)
        call.sentAt = local
        replica.calls[flight] = call
        transmit(call, flight, replica)
    }

    private func transmit(_ call: SimCall, _ flight: UInt64, _ replica: Replica) {
        let share = isFaulty ? scenario.oddCallShare : 0
        let (treatment, latency) = upstream.treatment(of: call.key, &random, oddShare: share)
        let wait = networkDelay(call)
        if case .resetBefore = treatment {
            return reset(call, flight, replica, after: wait)
        }
        after(wait) { world in
            world.trace.note(world.now, "arrived \(call.key.id) \(call.key.source) \(treatment)")
            world.judge.arrived(call.key, call.share, at: world.now)
            world.treat(treatment, latency, call, flight, replica)
        }
    }

    /// Most requests are fast; some arrive just before the whole call's deadline, or after it,
    /// while the last packet is on its way.
    private func networkDelay(_ call: SimCall) -> Duration {
        guard isFaulty, random.permille(100) else { return random.milliseconds(0...60) }
        let latest = call.startedAt + deadline(call.key) + GateTiming.margin - .milliseconds(200)
        return random.span(.zero, max(.zero, latest - now))
    }

    private func treat(
        _ treatment: SimUpstream.Treatment, _ latency: Duration, _ call: SimCall,
        _ flight: UInt64, _ replica: Replica
    ) {
        let life = replica.life
        let back = latency + random.milliseconds(0...40)
        switch treatment {
        case .hang: break
        case .resetBefore, .resetAfter: reset(call, flight, replica, after: back)
        case .answer:
            // The state is read at some time between the request's arrival and the answer's departure.
            let outcome = answer(call.key, arriving: now + back)
            let hints = drawHints()
            reply(outcome, hints, call, flight, replica, life, back)
        case .fail(let kind, let hints):
            let fault = UpstreamFault(kind: kind)
            let outcome = kind == .notFound ? CallOutcome.notFound(fault) : .failed(fault)
            reply(outcome, hints, call, flight, replica, life, back)
        }
    }

    private func answer(_ key: EntryKey, arriving time: Instant) -> CallOutcome {
        judge.answered(key, upstream.revision(key, at: now), at: time)
        return upstream.outcome(key, at: now)
    }

    private func drawHints() -> RateHints {
        guard isFaulty, random.permille(60) else { return .none }
        let left = random.below(4)
        // Some report when their window ends.
        return RateHints(remaining: left, remainingFor: left > 1 ? .seconds(left * 4) : nil)
    }

    private func reply(
        _ outcome: CallOutcome, _ hints: RateHints, _ call: SimCall, _ flight: UInt64,
        _ replica: Replica, _ life: Int, _ back: Duration
    ) {
        let due = now + back
        deliver(replica, after: back) { world in
            if world.mutant == .retryAfter401, outcome.fault?.kind == .unauthorized {
                return world.sendAgain(call, flight, replica)
            }
            world.end(flight, outcome, hints: hints, due: due, replica)
        }
    }

    private func reset(
        _ call: SimCall, _ flight: UInt64, _ replica: Replica, after span: Duration
    ) {
        deliver(replica, after: span) { world in
            if world.mutant == .resendAfterReset { return world.sendAgain(call, flight, replica) }
            world.end(flight, .failed(UpstreamFault(kind: .connectionLost)), replica)
        }
    }

    /// Only mutants do this.
    private func sendAgain(_ call: SimCall, _ flight: UInt64, _ replica: Replica) {
        guard replica.calls[flight] != nil else { return }
        transmit(call, flight, replica)
    }

    /// The first end counts: answer, failure or deadline. An answer that arrived while the process was
    /// stopped counts from the process's last check.
    private func end(
        _ flight: UInt64, _ outcome: CallOutcome, hints: RateHints = .none,
        due: Instant? = nil, _ replica: Replica
    ) {
        guard let call = replica.calls.removeValue(forKey: flight) else { return }
        var answeredAt = now
        if let due, due < now, mutant != .ageFromWaking {
            answeredAt = min(due, replica.pausedFrom)
        }
        let report = CallReport(
            outcome: outcome, hints: hints, sentAt: call.sentAt, endedAt: replica.clock.shows(now),
            answeredAt: replica.clock.shows(answeredAt),
            checkedAt: wall(of: replica) + (answeredAt - now))
        step(replica, .called(call.key, flight: flight, report))
    }
}
