// How a look is made: wanted, started, prepared, reserved, called, settled (the gate protocol).

extension ActionTracker {
    /// Puts what the caller's question makes due into the queues.
    mutating func wantDueLooks(_ caller: Caller) {
        let id = caller.question.id
        guard let tracked = actions[id] else { return }
        let asked = candidates(caller.question, tracked)
        let watched = caller.isPatient
        for source in asked {
            guard let upstream = upstreams[source] else { continue }
            let look = tracked.looks[source]
            guard look.flight == nil else { continue }
            // Others may have wanted it sooner than this caller's patience asks for.
            guard look.wanted != nil || now >= look.dueAt(watched: watched, upstream.policy)
            else { continue }
            let lane = tracked.lane(at: source)
            let holder = caller.question.holder
            if lane != .known, upstream.blocked(holder: holder, now) != nil { continue }
            // Whoever is held for the other upstream is held for this look, too; and who waits already
            // may not have wanted it yet, while it was blocked.
            let isIdle =
                blocked(upstream, lane) != nil && !watched && !tracked.isWatched(at: source)
                && look.refreshStartedAt == nil && !asked.contains { isAwaited(tracked, $0) }
            let isTogether = lane != .known && caller.question.isOfMany
            let want = Want(
                since: now, line: Line(lane: lane, isTogether: isTogether),
                rank: rank(look, isIdle: isIdle, place: caller.question.place),
                starter: caller.id, holder: holder)
            self.want(LookKey(source, id), tracked, want)
        }
    }

    private func isAwaited(_ tracked: TrackedAction, _ source: Source) -> Bool {
        if case .awaited = knowledge(tracked, source) { true } else { false }
    }

    /// Of actions that nothing is known of, those that one request asks for line up as if it had
    /// asked for one after the other: a request for a hundred does not stand before all that follow it.
    private mutating func rank(_ look: Look, isIdle: Bool, place: Int = 0) -> WantRank {
        let spread = look.isTried ? .zero : Self.placeSpan * place
        return WantRank(isIdle: isIdle, triedAt: look.triedAt + spread, number: nextNumber())
    }

    /// How much later each further question of a request counts as asked.
    static let placeSpan = Duration.milliseconds(20)

    private mutating func want(_ key: LookKey, _ tracked: TrackedAction, _ newcomer: Want) {
        let before = tracked.looks[key.source].wanted
        var want = newcomer
        if let before {
            guard newcomer.improves(before) else { return }
            want.since = before.since
            want.line.isTogether = newcomer.line.isTogether && before.line.isTogether
        }
        guard upstreams[key.source]?.isFull(want.line) == false else { return }
        enqueue(key, want)
    }

    private func isDue(_ key: LookKey, _ tracked: TrackedAction) -> Bool {
        guard let policy = policy.sources[key.source] else { return false }
        let watched = tracked.isWatched(at: key.source)
        return now >= tracked.looks[key.source].dueAt(watched: watched, policy)
    }

    /// News from elsewhere has come before the look had its turn.
    mutating func dropWantUnlessDue(_ key: LookKey) {
        guard let tracked = actions[key.id], tracked.looks[key.source].wanted != nil else { return }
        if !isDue(key, tracked) { actions[key.id]?.looks[key.source].wanted = nil }
    }

    /// The id has become known: what is wanted of it lines up where known ids do.
    mutating func lineUpAsKnown(_ id: ActionID) {
        guard let tracked = actions[id], tracked.isKnown else { return }
        for source in policy.configured {
            guard var wanted = tracked.looks[source].wanted, wanted.line.lane != .known else {
                continue
            }
            wanted.line = Line(lane: .known)
            // The entry in the other line is void by that.
            wanted.rank.number = nextNumber()
            enqueue(LookKey(source, id), wanted)
        }
    }

    private mutating func enqueue(_ key: LookKey, _ want: Want) {
        actions[key.id]?.looks[key.source].wanted = want
        upstreams[key.source]?[want.line].insert(WantQueue.Entry(rank: want.rank, id: key.id))
    }

    /// Starts the looks that are wanted most, as long as the upstream may be called.
    mutating func pull(_ source: Source) {
        guard upstreams[source]?.isWanted == true else { return }
        upstreams[source]?.breaker.tick(now)
        while upstreams[source]?.room ?? 0 > 0, let next = best(source) {
            upstreams[source]?[next.line].removeBest()
            start(LookKey(source, next.entry.id), from: next.line)
        }
        planSourceWake(source)
    }

    /// The want that starts next.
    private mutating func best(_ source: Source) -> Candidate? {
        // No copy of the queues is at hand while they change: they would be copied as a whole.
        let open = Line.all.filter { line in
            upstreams[source].map { blocked($0, line.lane) == nil } ?? false
        }
        var best: [Candidate] = []
        for line in open {
            dropVoid(source, line)
            if let entry = upstreams[source]?[line].best {
                best.append(Candidate(line: line, entry: entry))
            }
        }
        return upstreams[source]?.first(of: best)
    }

    /// Drops entries that are void, and wishes that have waited so long that nobody is left to
    /// have them: without a caller there is no call. Wishes whose callers have been let go line up
    /// behind those of others.
    private mutating func dropVoid(_ source: Source, _ line: Line) {
        guard let policy = policy.sources[source] else { return }
        while let entry = upstreams[source]?[line].best {
            if let tracked = actions[entry.id], var wanted = tracked.looks[source].wanted,
                wanted.rank == entry.rank
            {
                let isFresh = now < wanted.since + policy.maxInterval
                if isFresh && wanted.rank.isIdle || isWaitedFor(entry.id, tracked, source) {
                    return
                }
                actions[entry.id]?.looks[source].wanted = nil
                if isFresh {
                    wanted.rank.isIdle = true
                    enqueue(LookKey(source, entry.id), wanted)
                }
            }
            upstreams[source]?[line].removeBest()
        }
    }

    /// Somebody is held whose question goes to that upstream.
    private func isWaitedFor(
        _ id: ActionID, _ tracked: TrackedAction, _ source: Source
    ) -> Bool {
        if tracked.waiters.haveNamed(source) { return true }
        return tracked.waiters.haveNamedNone
            && candidates(Question(id: id), tracked).contains(source)
    }

    private mutating func planSourceWake(_ source: Source) {
        guard let upstream = upstreams[source] else { return }
        for line in Line.all where upstream[line].best != nil {
            guard let blocked = blocked(upstream, line.lane), !isDraining else { continue }
            guard blocked.until < upstream.wakeAt || upstream.wakeAt <= now else { continue }
            upstreams[source]?.wakeAt = blocked.until
            wakes.insert(.source(source), at: blocked.until)
        }
    }

    private mutating func start(_ entry: LookKey, from line: Line) {
        let key = LookKey(entry.source, actions[entry.id]?.looks[entry.source].spelling ?? entry.id)
        let want = actions[key.id]?.looks[key.source].wanted
        let flight = Flight(
            number: nextNumber(), startedAt: now, wantedSince: want?.since ?? now,
            line: line, starter: want?.starter, holder: want?.holder, stage: .preparing)
        actions[key.id]?.looks[key.source].wanted = nil
        actions[key.id]?.looks[key.source].flight = flight
        actions[key.id]?.looks[key.source].lastStarter = want?.starter
        flights += 1
        upstreams[key.source]?.started(flight: flight.number, from: line)
        effects.append(.prepare(key, flight: flight.number))
        touch(key.id)
    }
}

// MARK: - The stages

extension ActionTracker {
    private func flight(_ key: LookKey, _ number: UInt64) -> Flight? {
        let flight = actions[key.id]?.looks[key.source].flight
        return flight?.number == number ? flight : nil
    }

    private mutating func setStage(_ key: LookKey, _ stage: Flight.Stage) {
        actions[key.id]?.looks[key.source].flight?.stage = stage
    }

    private mutating func end(_ key: LookKey, _ flight: Flight) {
        flights -= 1
        actions[key.id]?.looks[key.source].flight = nil
        upstreams[key.source]?.ended(flight: flight.number, from: flight.line)
        touch(key.id)
    }

    /// Ends a flight before its call, and keeps the wish, as old as it is: the obstacle will pass.
    private mutating func endBlocked(_ key: LookKey, _ flight: Flight, _ obstacle: Obstacle) {
        effects.append(.note(.denied(key.source, obstacle)))
        end(key, flight)
        touchWanted(key.source)
        guard let tracked = actions[key.id], flight.starter != nil, isDue(key, tracked)
        else { return }
        let lane = tracked.lane(at: key.source)
        want(
            key, tracked,
            Want(
                since: flight.wantedSince,
                line: Line(lane: lane, isTogether: lane != .known && flight.line.isTogether),
                rank: rank(tracked.looks[key.source], isIdle: true), starter: flight.starter,
                holder: flight.holder))
    }

    /// An obstacle came up: who is held for a look that cannot start must not be held any longer.
    mutating func touchWanted(_ source: Source) {
        for id in upstreams[source]?.wantedIDs ?? []
        where actions[id]?.waiters.isEmpty == false {
            touch(id)
        }
    }

    /// What we lack ourselves is tried for again so soon.
    static let ourSideWait = Duration.seconds(1)

    mutating func prepared(_ key: LookKey, _ number: UInt64, _ failure: CredentialFailure?) {
        guard let flight = flight(key, number), let upstream = upstreams[key.source] else { return }
        if let failure {
            upstreams[key.source]?.starting -= 1
            credentialFailed(failure, key.source)
            return endBlocked(key, flight, .ourSide(failure.fault))
        }
        setStage(key, .reserving(askedAt: now))
        let reservation = Reservation(
            key: key, minInterval: upstream.policy.minInterval, hold: upstream.policy.hold,
            flightMax: upstream.policy.flightMax, budget: upstream.policy.budget,
            heedsBreaker: upstream.breaker.heedsOthers(now), holder: flight.holder)
        effects.append(.reserve(reservation, flight: number))
    }

    /// All flights that waited for one fetch tell the same.
    private mutating func credentialFailed(_ failure: CredentialFailure, _ source: Source) {
        let until = now + max(failure.retryIn, Self.ourSideWait)
        if upstreams[source]?.isHeldUp(by: failure.fault, now) == false {
            effects.append(.note(.credentialFailed(source, failure.fault, until: until)))
        }
        upstreams[source]?.ourSideFailed(failure.fault, until: until)
    }

    mutating func reserved(
        _ key: LookKey, _ number: UInt64, _ result: Result<ReservationReply, StoreFailure>
    ) {
        guard let flight = flight(key, number), case .reserving(let askedAt) = flight.stage
        else { return }
        upstreams[key.source]?.starting -= 1
        switch result {
        case .success(let reply):
            storeWorkedAt = now
            upstreams[key.source]?.budgetLeft = reply.budgetLeft
            effects.append(.note(.budgetLeft(key.source, reply.budgetLeft)))
            obey(reply.verdict, key, flight, askedAt)
        case .failure(let failure):
            storeFailed(failure)
            endBlocked(key, flight, .store)
        }
    }

    private mutating func obey(
        _ verdict: ReservationReply.Verdict, _ key: LookKey, _ flight: Flight, _ askedAt: Instant
    ) {
        switch verdict {
        case .granted(let token): granted(token, key, flight, askedAt)
        case .gateShut(let record):
            effects.append(.note(.denied(key.source, .gate)))
            absorb(record, askedAt: askedAt)
            actions[key.id]?.toldAt = now
            if record.opensIn <= .zero {
                actions[key.id]?.looks[key.source].keepShut(now, policy)
            }
            end(key, flight)
        case .budgetSpent(let opensIn, let kind):
            budgetSpent(kind, until: now + opensIn, key, flight)
        case .paused(let opensIn):
            leaveAlone(key.source, for: opensIn)
            endBlocked(key, flight, .paused)
        case .resting(let opensIn):
            rest(key.source, until: now + opensIn)
            endBlocked(key, flight, .breakerOpen)
        case .quarantined(let opensIn):
            upstreams[key.source]?.quarantine(until: now + opensIn)
            effects.append(.note(.quarantined(until: now + opensIn)))
            endBlocked(key, flight, .quarantine)
        }
    }

    /// A store that has lost its rows, or never got the answer, counts an action as unknown that is
    /// known here: its own lane stays open, so that this one has to wait apart.
    private mutating func budgetSpent(
        _ kind: BudgetKind, until: Instant, _ key: LookKey, _ flight: Flight
    ) {
        let isKnownHere = actions[key.id]?.isKnown == true
        if kind.isOfHolder, !isKnownHere, let holder = flight.holder {
            return shareSpent(by: holder, kind, until: until, key, flight)
        }
        upstreams[key.source]?.close(kind, until: until)
        guard isKnownHere, !kind.closes(.known) else {
            if kind.closes(.notFound), !kind.closes(.unknown) { foundMissing(key) }
            return endBlocked(key, flight, .budget(kind))
        }
        effects.append(.note(.denied(key.source, .budget(kind))))
        if let opensAt = actions[key.id]?.looks[key.source].opensAt {
            actions[key.id]?.looks[key.source].opensAt = max(opensAt, until)
        }
        end(key, flight)
    }

    /// The store knows of a 404 that has not been heard of here.
    private mutating func foundMissing(_ key: LookKey) {
        let since = actions[key.id]?.looks[key.source].notFoundSince ?? now
        actions[key.id]?.looks[key.source].notFoundSince = since
    }

    /// What this key holder wants of ids that nobody knows has to wait, and nobody is held for it; what
    /// others want goes on.
    private mutating func shareSpent(
        by holder: String, _ kind: BudgetKind, until: Instant, _ key: LookKey, _ flight: Flight
    ) {
        effects.append(.note(.denied(key.source, .budget(kind))))
        upstreams[key.source]?.close(holder, kind, until: until, now)
        end(key, flight)
        for id in upstreams[key.source]?.wantedIDs ?? [] {
            guard let wanted = actions[id]?.looks[key.source].wanted, wanted.holder == holder,
                wanted.line.lane != .known
            else { continue }
            actions[id]?.looks[key.source].wanted = nil
            touch(id)
        }
    }

    /// Unless something was found out here while the reply was on its way.
    private mutating func rest(_ source: Source, until: Instant) {
        guard upstreams[source]?.breaker.heedsOthers(now) == true else { return }
        upstreams[source]?.breaker.rest(until: until)
        effects.append(.note(.breakerOpened(source, until: until)))
    }

    private mutating func granted(
        _ token: SlotToken, _ key: LookKey, _ flight: Flight, _ askedAt: Instant
    ) {
        guard let upstream = upstreams[key.source],
            let lane = actions[key.id]?.lane(at: key.source)
        else { return }
        actions[key.id]?.looks[key.source].opensAt = askedAt + upstream.policy.hold
        let sendBefore = askedAt + GateTiming.sendWindow
        let isUsable =
            now < sendBefore && !upstream.isLeftAlone(lane, now)
            && upstream.breaker.admits(flight: flight.number)
        let isFinished = actions[key.id]?.looks[key.source].answer?.document.isDone == true
        upstreams[key.source]?.granted(lane)
        guard isUsable, !isFinished else { return drop(token, key, flight) }
        setStage(key, .calling(token))
        effects.append(.call(key, flight: flight.number, sendBefore: sendBefore))
    }

    /// The slot came too late to be used (invariant 3), or while it was on its way the upstream has
    /// asked to be left alone (invariant 8) or turned out to be unwell, or the action's end has been
    /// heard of, which a store that lost it since cannot know (invariant 5): nothing is sent.
    private mutating func drop(_ token: SlotToken, _ key: LookKey, _ flight: Flight) {
        setStage(key, .calling(token))
        let fault = UpstreamFault(kind: .slotExpired)
        let report = CallReport(
            outcome: .failed(fault), hints: .none, sentAt: nil, endedAt: now,
            checkedAt: WallTime(milliseconds: 0))
        called(key, flight.number, report)
    }

    mutating func called(_ key: LookKey, _ number: UInt64, _ report: CallReport) {
        guard let flight = flight(key, number), case .calling(let token) = flight.stage,
            let upstream = upstreams[key.source]
        else { return }
        upstreams[key.source]?.calling -= 1
        if report.outcome.fault?.kind.meansNoCall != true {
            upstreams[key.source]?.answered(flightFrom: flight.startedAt)
        }
        let breaker = countForBreaker(report.outcome.fault, key, flight)
        let pause = judge(report, key)
        let news = news(report, key)
        let settlement = Settlement(
            key: key, token: token, gate: gate(report, upstream.policy), pause: pause,
            breaker: breaker, sentAgo: report.sentAt.map { now - $0 },
            answeredAgo: now - report.answeredAt, news: news, outcome: report.outcome.word)
        setStage(key, .settling(report, settlement, askedAt: now))
        effects.append(.settle(settlement, flight: number))
        noteCall(report, key, flight)
        touch(key.id)
    }

    mutating func settled(
        _ key: LookKey, _ number: UInt64, _ result: Result<SettlementReply, StoreFailure>
    ) {
        if let debt = unsettled[number] { return settledAgain(key, number, debt, result) }
        guard let flight = flight(key, number) else { return }
        let settlement: Settlement
        let askedAt: Instant
        switch flight.stage {
        case .settling(let report, let asked, let at):
            (settlement, askedAt) = (asked, at)
            apply(report, key)
        case .applied(let asked, let at): (settlement, askedAt) = (asked, at)
        case .preparing, .reserving, .calling: return
        }
        switch result {
        case .success(let reply):
            storeWorkedAt = now
            absorb(settled: reply.record, askedAt: askedAt)
            if let smallest = reply.smallestGap {
                effects.append(.note(.gap(key.source, smallest: smallest)))
            }
        case .failure(let failure):
            storeFailed(failure)  // the gate keeps its pessimistic value
            keepUnsettled(settlement, askedAt: askedAt, flight: number)
            if let answer = actions[key.id]?.looks[key.source].answer, answer.at >= flight.startedAt
            {
                actions[key.id]?.looks[key.source].isUnkept = true
            }
        }
        end(key, flight)
    }

    /// Takes over what others have found out meanwhile, if they have.
    mutating func absorb(settled record: LookRecord, askedAt: Instant) {
        let known = actions[record.key.id]?.looks[record.key.source].answer?.document
        var news = record
        if record.answer?.document == known { news.answer = nil }
        absorb(news, askedAt: askedAt)
        actions[record.key.id]?.looks[record.key.source].settled(record)
    }

    /// A store that is slow to settle does not keep news from callers for longer than that.
    static let settleGrace = Duration.milliseconds(500)

    mutating func applyLateReport(_ key: LookKey) {
        let stage = actions[key.id]?.looks[key.source].flight?.stage
        guard case .settling(let report, let settlement, let askedAt) = stage,
            now >= askedAt + Self.settleGrace
        else { return }
        apply(report, key)
        setStage(key, .applied(settlement, askedAt: askedAt))
    }

    func stageDeadline(_ flight: Flight) -> Instant {
        guard case .settling(_, _, let askedAt) = flight.stage else { return .distantFuture }
        return askedAt + Self.settleGrace
    }
}
