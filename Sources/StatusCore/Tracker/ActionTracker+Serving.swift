// What a caller is told now, what it is held for, and which looks its question makes due.

extension ActionTracker {
    /// The upstreams that a question goes to, as far as is known by now (spec section 2).
    func candidates(_ question: Question, _ tracked: TrackedAction) -> [Source] {
        if let source = question.source { return [source] }
        let configured = policy.configured
        guard configured.count > 1 else { return configured }
        let answered = configured.filter { tracked.looks[$0].answer != nil }
        if !answered.isEmpty { return answered }
        let known = configured.filter { tracked.looks[$0].isKnown }
        if !known.isEmpty { return known }
        guard let first = question.id.suggestedSource else { return configured }
        if case .notFound = knowledge(tracked, first) {
            return [first] + configured.filter { $0 != first }
        }
        return [first]
    }

    /// What one upstream is known to say of an action, now.
    enum Knowledge {
        case told(Look.Told)
        case notFound(UpstreamFault)
        case failed(UpstreamFault)
        /// A look is under way or about to be; it has come so far.
        case awaited(Look.Progress)
        /// Not known, and not to be found out now.
        case blocked(Blocked)
    }

    func knowledge(
        _ tracked: TrackedAction, _ source: Source, for holder: String? = nil
    ) -> Knowledge {
        guard let upstream = upstreams[source] else {
            return .blocked(Blocked(obstacle: .gate, until: .distantFuture))
        }
        let look = tracked.looks[source]
        if let answer = look.answer { return .told(answer) }
        let lane = tracked.lane(at: source)
        if refreshStart(look, lane, upstream) != nil { return .awaited(look.progress) }
        let dueAt = look.dueAt(watched: false, upstream.policy)
        if let miss = look.miss, now < dueAt {
            return miss.isNotFound ? .notFound(miss.fault) : .failed(miss.fault)
        }
        if let blocked = blocked(upstream, lane, for: holder) {
            // A 404 has run out by now: "not found" would be a guess. A failure stays one.
            if let miss = look.miss, !miss.isNotFound { return .failed(miss.fault) }
            return .blocked(blocked)
        }
        if now < dueAt { return .blocked(Blocked(obstacle: .gate, until: dueAt)) }
        return .awaited(look.progress)
    }

    /// When the refresh began that a request may wait for; nil when there is none, or none that
    /// could start now.
    func refreshStart(_ look: Look, _ lane: Lane, _ upstream: UpstreamState) -> Instant? {
        if let started = look.refreshStartedAt { return started }
        guard let wanted = look.wanted, blocked(upstream, lane) == nil else { return nil }
        return wanted.since
    }

    /// What keeps the lane's looks from starting: the upstream's own obstacles, or ours.
    func blocked(
        _ upstream: UpstreamState, _ lane: Lane, for holder: String? = nil
    ) -> Blocked? {
        if isDraining { return Blocked(obstacle: .draining, until: now + .seconds(1)) }
        var own = upstream.blocked(lane, now)
        if lane != .known, let closed = upstream.blocked(holder: holder, now),
            closed.until > own?.until ?? .distantPast
        {
            own = closed
        }
        guard storeTroubleUntil > max(now, own?.until ?? .distantPast) else { return own }
        return Blocked(obstacle: .store, until: storeTroubleUntil)
    }

    /// When a call for this look can really be made: its slot, or what stands in the way.
    func callableAt(
        _ tracked: TrackedAction, _ source: Source, watched: Bool = false, for holder: String? = nil
    ) -> Instant {
        guard let upstream = upstreams[source] else { return .distantFuture }
        let dueAt = tracked.looks[source].dueAt(watched: watched, upstream.policy)
        let blocked = blocked(upstream, tracked.lane(at: source), for: holder)
        return max(dueAt, blocked?.until ?? .distantPast)
    }
}

// MARK: - Considering an action

extension ActionTracker {
    /// Looks at an action anew after something touched it: wants what is due, replies to whom it
    /// can, publishes what may be served without asking, and plans the next wake. Of a crowd a slice is
    /// served, and the rest in later steps. Returns how many callers it has looked at.
    mutating func consider(_ touch: Touch, atMost most: Int) -> Int {
        let id = touch.id
        guard prepareToConsider(id) else { return refuseOverdue(id, atMost: most) }
        let slice =
            touch.isForDueOnly
            ? actions[id]?.waiters.takeDue(now, atMost: most)
            : actions[id]?.waiters.nextSlice(atMost: most)
        let callers = slice ?? []
        for (index, caller) in callers.enumerated()
        where index == 0 || !caller.wantsTheSame(as: callers[index - 1]) {
            wantDueLooks(caller)
        }
        let firstReply = effects.count
        for (caller, held) in zip(callers, served(callers, id)) {
            if let held {
                actions[id]?.waiters.update(held)
            } else {
                actions[id]?.waiters.remove(caller.id)
            }
        }
        publish(id, before: firstReply)
        plan(id)
        if !touch.isForDueOnly, actions[id]?.waiters.isRoundUnderWay == true { goOnLater(id) }
        retireIfFinished(id)
        return callers.count
    }

    /// Replies to whom it can; nil for each of them, and the others as they are held on. The action is
    /// not changed meanwhile: that would copy a crowd for each of its members.
    private mutating func served(_ callers: [Caller], _ id: ActionID) -> [Caller?] {
        guard let tracked = actions[id] else { return [] }
        return callers.map { caller in
            var caller = caller
            guard let until = serve(&caller, tracked) else { return nil }
            caller.heldUntil = until
            return caller
        }
    }

    /// The same for one caller that has just come: the others' situation has not changed.
    mutating func considerNewcomer(_ newcomer: Caller) {
        let id = newcomer.question.id
        guard prepareToConsider(id) else { return }
        wantDueLooks(newcomer)
        var newcomer = newcomer
        let firstReply = effects.count
        if let holdUntil = actions[id].flatMap({ serve(&newcomer, $0) }) {
            newcomer.heldUntil = holdUntil
            actions[id]?.waiters.insert(newcomer)
        }
        publish(id, before: firstReply)
        plan(id)
        retireIfFinished(id)
    }

    /// The store takes longer to tell what it has than a whole call may: nobody waits for that.
    private mutating func refuseOverdue(_ id: ActionID, atMost most: Int) -> Int {
        guard actions[id]?.isLoaded == false else { return 0 }
        let overdue = actions[id]?.waiters.takeDue(now, atMost: most) ?? []
        for caller in overdue {
            callers[caller.id] = nil
            actions[id]?.waiters.remove(caller.id)
            effects.append(.reply(caller.id, .problem(storeProblem(caller.question))))
        }
        var inquirersWaitUntil = Instant.distantFuture
        if actions[id]?.inquirers.isEmpty == false {
            let until = (actions[id]?.lookUpAskedAt ?? now) + coldWait(nil)
            if now < until { inquirersWaitUntil = until } else { explainToInquirers(id) }
        }
        plan(id, stateDueAt: inquirersWaitUntil)
        return overdue.count
    }

    /// Which upstream a question without one will go to is not known before the store has told.
    func coldWait(_ named: Source?) -> Duration {
        let asked = named.map { [$0] } ?? policy.configured
        return asked.map(policy.coldWait).max() ?? .zero
    }

    private mutating func prepareToConsider(_ id: ActionID) -> Bool {
        guard actions[id]?.isLoaded == true else { return false }
        for source in policy.configured {
            actions[id]?.looks[source].expire(now, policy)
            applyLateReport(LookKey(source, id))
        }
        return true
    }

    /// Replies if the caller has waited enough; else says until when it is held.
    private mutating func serve(_ caller: inout Caller, _ tracked: TrackedAction) -> Instant? {
        rememberState(&caller, tracked)
        switch resolution(&caller, tracked) {
        case .reply(let reply):
            callers[caller.id] = nil
            effects.append(.reply(caller.id, reply))
            return nil
        case .hold(let until): return until
        }
    }

    /// Who waits for a change without saying from what, waits for one from the state at arrival.
    private func rememberState(_ caller: inout Caller, _ tracked: TrackedAction) {
        guard case .change(nil, let deadline) = caller.question.patience else { return }
        let told = candidates(caller.question, tracked).first.flatMap { tracked.looks[$0].answer }
        guard let told, told.at <= caller.askedAt else { return }
        caller.question.patience = .change(from: [told.document.tag], deadline: deadline)
    }

    private enum Resolution {
        case reply(Reply)
        case hold(until: Instant)
    }

    private func resolution(_ caller: inout Caller, _ tracked: TrackedAction) -> Resolution {
        let asked = candidates(caller.question, tracked)
        let told = asked.filter { tracked.looks[$0].answer != nil }
        if told.count > 1 { return .reply(.problem(ambiguity(told))) }
        guard let source = told.first else { return problemResolution(caller, tracked, asked) }
        if let until = newsHold(&caller, tracked, source) { return .hold(until: until) }
        let answer = answer(tracked, source, for: caller)
        if let deadline = patienceDeadline(caller, answer), now < deadline {
            return .hold(until: deadline)
        }
        return .reply(.answer(answer))
    }

    /// News may come within a moment. Who has said how long to wait does not wait longer for it.
    private func newsHold(
        _ caller: inout Caller, _ tracked: TrackedAction, _ source: Source
    ) -> Instant? {
        let hold = rivalHold(caller, tracked, source) ?? ownRefreshHold(&caller, tracked, source)
        guard let hold, let deadline = caller.question.patience.deadline else { return hold }
        return now < deadline ? min(hold, deadline) : nil
    }

    /// It is held for one refresh, not for the next, too.
    private func ownRefreshHold(
        _ caller: inout Caller, _ tracked: TrackedAction, _ source: Source
    ) -> Instant? {
        guard let until = refreshHold(tracked, source) else { return nil }
        let soonest = min(caller.refreshUntil ?? until, until)
        caller.refreshUntil = soonest
        return now < soonest ? soonest : nil
    }

    /// The request finds a refresh running: it gets the new answer, if that comes soon.
    private func refreshHold(_ tracked: TrackedAction, _ source: Source) -> Instant? {
        guard let upstream = upstreams[source] else { return nil }
        let start = refreshStart(tracked.looks[source], tracked.lane(at: source), upstream)
        guard let until = start.map({ $0 + policy.refreshWait }), now < until else { return nil }
        return until
    }

    /// Both upstreams were asked at once: the winner waits a moment for the other's word.
    private func rivalHold(_ caller: Caller, _ tracked: TrackedAction, _ source: Source) -> Instant?
    {
        guard caller.question.source == nil else { return nil }
        for rival in policy.configured where rival != source {
            guard let start = tracked.looks[rival].refreshStartedAt else { continue }
            let until = start + TrackerPolicy.rivalWait
            if now < until { return until }
        }
        return nil
    }

    /// Until when a patient caller would rather wait than have this answer; nil: it is content.
    private func patienceDeadline(_ caller: Caller, _ answer: Answer) -> Instant? {
        guard !isDraining, !answer.document.isDone else { return nil }
        switch caller.question.patience {
        case .none: return nil
        case .done(let deadline): return deadline
        case .change(let tags?, let deadline):
            return tags.contains(answer.document.tag) ? deadline : nil
        case .change(nil, _): return nil  // nothing was known at its arrival: this is news
        }
    }

    /// No state to serve: a look may bring one, or it is time to say why there is none.
    private func problemResolution(
        _ caller: Caller, _ tracked: TrackedAction, _ asked: [Source]
    ) -> Resolution {
        for source in asked {
            guard case .awaited = knowledge(tracked, source, for: caller.question.holder) else {
                continue
            }
            let until = caller.askedAt + policy.coldWait(source)
            if now < until { return .hold(until: until) }
        }
        return .reply(.problem(problem(tracked, asked, for: caller.question.holder)))
    }
}

// MARK: - Answers and problems

extension ActionTracker {
    private func answer(
        _ tracked: TrackedAction, _ source: Source, for caller: Caller?
    ) -> Answer {
        let look = tracked.looks[source]
        guard let told = look.answer else { preconditionFailure("served what is not there") }
        let isDone = told.document.isDone
        var service = Answer.Service.hit
        if let caller, told.at > caller.askedAt {
            service = look.lastStarter == caller.id ? .miss : .collapsed
        }
        return Answer(
            document: told.document, checkedAt: told.checkedAt, answeredAt: told.answeredAt,
            freshUntil: look.freshUntil(told, policy, source),
            nextLookAt: isDone ? nil : callableAt(tracked, source, watched: tracked.isWatched),
            keptUntil: look.keptUntil(told, policy),
            staleReason: staleness(tracked, source).reason, service: service)
    }

    private func ambiguity(_ sources: [Source]) -> Problem {
        let reports = sources.map { Problem.SourceReport(source: $0, outcome: "found") }
        return Problem(code: .ambiguous, retryAt: nil, sources: reports)
    }

    /// Not found only if everyone who was asked said so; else the first failure in order, and the
    /// earliest moment at which one of the failed upstreams can be asked again.
    private func problem(
        _ tracked: TrackedAction, _ asked: [Source], for holder: String?
    ) -> Problem {
        var reports: [Problem.SourceReport] = []
        var failures: [Problem.Code] = []
        var retryOfFailed = Instant.distantFuture
        var retryOfNotFound = Instant.distantFuture
        for source in asked {
            let retryAt = callableAt(tracked, source, for: holder)
            let (report, code) = report(knowledge(tracked, source, for: holder), of: source)
            reports.append(report)
            if code == .notFound {
                retryOfNotFound = min(retryOfNotFound, retryAt)
            } else {
                failures.append(code)
                retryOfFailed = min(retryOfFailed, retryAt)
            }
        }
        guard let code = failures.first else {
            return Problem(code: .notFound, retryAt: retryOfNotFound, sources: reports)
        }
        return Problem(code: code, retryAt: retryOfFailed, sources: reports)
    }

    private func report(
        _ knowledge: Knowledge, of source: Source
    ) -> (Problem.SourceReport, Problem.Code) {
        var report = Problem.SourceReport(source: source, outcome: "found")
        switch knowledge {
        case .told: return (report, .upstreamError)
        case .notFound(let fault), .failed(let fault):
            report.outcome = fault.kind.rawValue
            report.httpStatus = fault.httpStatus
            report.code = fault.code
            report.message = fault.message
            return (report, fault.kind.problemCode)
        case .awaited(let progress):
            report.outcome = progress.word
            return (report, progress.problemCode)
        case .blocked(let blocked):
            report.outcome = blocked.obstacle.word
            if case .ourSide(let fault) = blocked.obstacle { report.message = fault.message }
            return (report, blocked.obstacle.problemCode)
        }
    }
}

// MARK: - Publishing and planning

extension ActionTracker {
    /// Lets the answer be served without asking the tracker for as long as nothing would change.
    /// That goes before the replies: who has got one must not find the old answer (invariant 10).
    private mutating func publish(_ id: ActionID, before firstReply: Int) {
        guard let tracked = actions[id] else { return }
        let next = publication(tracked, Question(id: id))
        noteBlocked(id, tracked, next)
        guard next != tracked.published else { return }
        actions[id]?.published = next
        effects.insert(next.map { .publish(id, $0) } ?? .withdraw(id), at: firstReply)
    }

    private func publication(_ tracked: TrackedAction, _ question: Question) -> Publication? {
        let told = candidates(question, tracked).filter { tracked.looks[$0].answer != nil }
        guard let source = told.first, told.count == 1 else { return nil }
        guard refreshHold(tracked, source) == nil else { return nil }
        let answer = answer(tracked, source, for: nil)
        var until = min(answer.keptUntil, staleness(tracked, source).until)
        if let neighbour = tracked.looks[source].neighbour { until = min(until, neighbour.endsBy) }
        if tracked.looks[source].refreshStartedAt == nil, let nextLookAt = answer.nextLookAt {
            until = min(until, nextLookAt)
        }
        return now < until ? Publication(Shared(answer), servableUntil: until) : nil
    }

    /// When a place in a full queue of wants is tried for again.
    private static let queueFullWait = Duration.seconds(1)

    /// Puts the action's next wake into the queue, unless an earlier one stands there.
    private mutating func plan(_ id: ActionID, stateDueAt: Instant = .distantFuture) {
        let holdUntil = actions[id]?.waiters.nextDeadline ?? .distantFuture
        guard let tracked = actions[id] else { return }
        let stateDueAt = min(stateDueAt, self.stateDueAt(tracked))
        actions[id]?.stateDueAt = stateDueAt
        let wakeAt = min(holdUntil, stateDueAt)
        guard wakeAt < tracked.wakeAt else { return }
        actions[id]?.wakeAt = wakeAt
        wakes.insert(.action(id), at: max(wakeAt, now + .milliseconds(1)))
    }

    /// When something else is to be done about it than to let somebody go who has waited enough.
    private func stateDueAt(_ tracked: TrackedAction) -> Instant {
        var dueAt = Instant.distantFuture
        for source in policy.configured {
            let look = tracked.looks[source]
            if let neighbour = look.neighbour { dueAt = min(dueAt, neighbour.endsBy) }
            if look.answer != nil, let began = look.refreshStartedAt {
                // Whoever comes after that is served without asking.
                let heldUntil = began + policy.refreshWait
                if heldUntil > now { dueAt = min(dueAt, heldUntil) }
            }
            if let flight = look.flight {
                dueAt = min(dueAt, stageDeadline(flight))
            } else if look.answer != nil, look.wanted == nil, tracked.isWatched(at: source) {
                // Due and not wanted: there was no place in the queue.
                let callableAt = callableAt(tracked, source, watched: true)
                dueAt = min(dueAt, callableAt > now ? callableAt : now + Self.queueFullWait)
            }
        }
        return dueAt
    }
}
