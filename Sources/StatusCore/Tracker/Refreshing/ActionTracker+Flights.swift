// A flight up to its call: the credential, then the slot (the gate protocol).

extension ActionTracker {
    func flight(_ key: EntryKey, _ number: UInt64) -> Flight? {
        let flight = actions[key.id]?.entries[key.source].flight
        return flight?.number == number ? flight : nil
    }

    mutating func setStage(_ key: EntryKey, _ stage: Flight.Stage) {
        actions[key.id]?.entries[key.source].flight?.stage = stage
    }

    mutating func begin(_ key: EntryKey, _ flight: Flight) {
        actions[key.id]?.entries[key.source].flight = flight
        actions[key.id]?.entries[key.source].lastStarter = flight.starter
        flights += 1
        upstreams[key.source]?.start(flight)
    }

    mutating func end(_ key: EntryKey, _ flight: Flight) {
        flights -= 1
        actions[key.id]?.entries[key.source].flight = nil
        upstreams[key.source]?.ended(flight)
        touch(key.id)
    }

    /// Ends a flight before its call, and keeps its refresh deferred, since the reason is
    /// temporary.
    private mutating func endBlocked(_ key: EntryKey, _ flight: Flight, _ reason: BlockReason) {
        effects.append(.note(.denied(key.source, reason)))
        end(key, flight)
        answerBlocked(key.source)
        deferAgain(key, flight)
    }

    // MARK: Credential

    /// The pause before another attempt after a lack of local resources.
    static let ourSideWait = Duration.seconds(1)

    mutating func prepared(_ key: EntryKey, _ number: UInt64, _ failure: CredentialFailure?) {
        guard let flight = flight(key, number), let upstream = upstreams[key.source] else { return }
        if let failure {
            upstreams[key.source]?.startEnded()
            credentialFailed(failure, key.source)
            return endBlocked(key, flight, .ourSide(failure.fault))
        }
        credentialIsAtHand(key.source)
        setStage(key, .reserving(askedAt: now))
        effects.append(.reserve(reservation(key, flight, upstream), flight: number))
    }

    private func reservation(
        _ key: EntryKey, _ flight: Flight, _ upstream: UpstreamState
    ) -> Reservation {
        Reservation(
            key: key, minInterval: upstream.policy.minInterval, hold: upstream.policy.hold,
            flightMax: upstream.policy.flightMax, budget: upstream.policy.budget,
            heedsBreaker: upstream.breaker.heedsOthers(now), holder: flight.holder)
    }

    mutating func credentialIsAtHand(_ source: Source) {
        guard upstreams[source]?.blocks.find(.credential)?.fault?.kind.isOfCredential == true
        else { return }
        unblock(source, .credential)
    }

    /// All flights that waited for the same fetch fail.
    private mutating func credentialFailed(_ failure: CredentialFailure, _ source: Source) {
        let until = now + max(failure.retryIn, Self.ourSideWait)
        let kind = failure.fault.kind == .outOfResources ? SourceBlock.Kind.resources : .credential
        block(source, SourceBlock(kind, fault: failure.fault, until: until))
        upstreams[source]?.ourSideFailed(failure.fault, until: until)
    }

    // MARK: First look-ups

    /// Starts flights with the first look-up of an action that is new to this process, at each source
    /// for the question whose refresh could start at once. The store reserves their slots if it has no
    /// record of the action.
    mutating func startFirstFlights(_ caller: CallerID, _ question: Question) -> [Reservation] {
        guard actions.retired(question.id) == nil, let tracked = actions[question.id] else {
            return []
        }
        let line = RefreshLine(budget: .unknown, isTogether: question.isOfMany)
        return candidates(question, tracked).compactMap { source in
            guard let upstream = upstreams[source], upstream.isFree(line),
                blocked(upstream, line.budget, for: question.holder) == nil
            else { return nil }
            let key = EntryKey(source, question.id)
            let flight = Flight(
                number: nextNumber(), startedAt: now, deferredSince: now, line: line,
                starter: caller, holder: question.holder, cause: question.cause,
                stage: .reserving(askedAt: now))
            begin(key, flight)
            return reservation(key, flight, upstream)
        }
    }

    /// Ends the first flights for which the store did not decide on a slot. Their refreshes are
    /// considered like all others.
    mutating func endFirstFlights(_ id: ActionID, but slots: [Source: ReservationReply]) {
        for source in policy.configured where slots[source] == nil {
            guard let flight = actions[id]?.entries[source].flight else { continue }
            upstreams[source]?.startEnded()
            end(EntryKey(source, id), flight)
        }
    }

    // MARK: Slot

    mutating func reserved(
        _ key: EntryKey, _ number: UInt64, _ result: Result<ReservationReply, StoreFailure>
    ) {
        guard let flight = flight(key, number), case .reserving(let askedAt) = flight.stage
        else { return }
        upstreams[key.source]?.startEnded()
        switch result {
        case .success(let reply):
            store.worked(now)
            upstreams[key.source]?.budget = BudgetOutlook(
                left: reply.budgetLeft, returns: reply.returns, at: now)
            // A peer may have made a call that is not known here.
            let spelled = EntryKey(key.source, reply.spelling ?? key.id)
            actions[key.id]?.entries[key.source].spelling = spelled.id
            obey(reply.verdict, spelled, flight, askedAt)
        case .failure(let failure):
            storeFailed(failure)
            endBlocked(key, flight, .store)
        }
    }

    private mutating func obey(
        _ verdict: ReservationReply.Verdict, _ key: EntryKey, _ flight: Flight, _ askedAt: Instant
    ) {
        switch verdict {
        case .granted(let token): granted(token, key, flight, askedAt)
        case .gateShut(let record):
            effects.append(.note(.denied(key.source, .gate)))
            absorb(record, askedAt: askedAt)
            actions[key.id]?.recordedAt = now
            if record.opensIn <= .zero {
                actions[key.id]?.entries[key.source].keepShut(now, policy)
            }
            end(key, flight)
        case .budgetSpent(let opensIn, let kind):
            budgetSpent(kind, until: now + opensIn, key, flight)
        case .paused(let opensIn):
            let until = leaveAlone(key.source, for: opensIn)
            block(key.source, SourceBlock(.pause, until: until))
            endBlocked(key, flight, .paused)
        case .resting(let opensIn):
            rest(key.source, until: now + opensIn)
            endBlocked(key, flight, .breakerOpen)
        case .quarantined(let opensIn):
            upstreams[key.source]?.quarantine(until: now + opensIn)
            block(key.source, SourceBlock(.quarantine, until: now + opensIn))
            endBlocked(key, flight, .quarantine)
        }
    }

    /// A store that has lost rows, or never got the answer, counts an action as unknown that is
    /// known here: its budget class here stays open, so this action has to wait separately.
    private mutating func budgetSpent(
        _ kind: BudgetKind, until: Instant, _ key: EntryKey, _ flight: Flight
    ) {
        let isKnownHere = actions[key.id]?.isKnown == true
        if kind.isOfHolder, !isKnownHere, let holder = flight.holder {
            return shareSpent(by: holder, kind, until: until, key, flight)
        }
        upstreams[key.source]?.budgets.close(kind, until: until)
        block(key.source, SourceBlock(.budget(kind), until: until))
        guard isKnownHere, !kind.closes(.known) else {
            // Then the store has a 404 that is not known here.
            if kind.closes(.notFound), !kind.closes(.unknown) {
                actions[key.id]?.entries[key.source].noteNotFound(since: now)
            }
            return endBlocked(key, flight, .budget(kind))
        }
        effects.append(.note(.denied(key.source, .budget(kind))))
        if let opensAt = actions[key.id]?.entries[key.source].opensAt {
            actions[key.id]?.entries[key.source].opensAt = max(opensAt, until)
        }
        end(key, flight)
    }

    /// This caller's refreshes of unknown ids have to wait, and its requests are not held.
    private mutating func shareSpent(
        by holder: String, _ kind: BudgetKind, until: Instant, _ key: EntryKey, _ flight: Flight
    ) {
        effects.append(.note(.denied(key.source, .budget(kind))))
        upstreams[key.source]?.budgets.close(holder, kind, until: until, now)
        end(key, flight)
        answerBlocked(key.source, of: holder)
    }

    /// Unless this process has got a result of its own meanwhile.
    private mutating func rest(_ source: Source, until: Instant) {
        guard upstreams[source]?.breaker.heedsOthers(now) == true else { return }
        upstreams[source]?.breaker.rest(until: until)
        block(source, SourceBlock(.breaker, until: until))
    }

    private mutating func granted(
        _ token: FencingToken, _ key: EntryKey, _ flight: Flight, _ askedAt: Instant
    ) {
        guard let upstream = upstreams[key.source],
            let budget = actions[key.id]?.budget(at: key.source)
        else { return }
        actions[key.id]?.entries[key.source].opensAt = askedAt + upstream.policy.hold
        let sendBefore = askedAt + GateTiming.sendWindow
        let isUsable =
            now < sendBefore && !upstream.isLeftAlone(budget, now)
            && upstream.breaker.admits(flight: flight.number)
        let isFinished = actions[key.id]?.entries[key.source].observed?.document.isDone == true
        upstreams[key.source]?.granted(budget)
        setStage(key, .calling(token))
        guard isUsable, !isFinished else { return drop(key, flight) }
        effects.append(.call(key, flight: flight.number, sendBefore: sendBefore))
    }

    /// Nothing is sent if the slot arrived too late, if meanwhile the upstream has asked for a
    /// pause or the breaker has opened, or if a final state has become known, which a store may
    /// have lost.
    private mutating func drop(_ key: EntryKey, _ flight: Flight) {
        let report = CallReport(
            outcome: .failed(UpstreamFault(kind: .slotExpired)), hints: .none, sentAt: nil,
            endedAt: now, checkedAt: WallTime(milliseconds: 0))
        called(key, flight.number, report)
    }
}
