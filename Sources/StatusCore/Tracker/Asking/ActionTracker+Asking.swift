// Callers that ask or leave, and the store's look-up of actions that are new to this process.

extension ActionTracker {
    mutating func asked(_ caller: CallerID, _ question: Question) {
        guard callers.count < policy.callersMax else {
            let problem = Problem(code: .overloaded, retryAt: now + .seconds(1), sources: [])
            return effects.append(.reply(caller, .problem(problem)))
        }
        let id = question.id
        if actions[id] == nil {
            if let answer = retiredAnswer(to: question) {
                return effects.append(.reply(caller, .answer(answer)))
            }
            guard store.troubleUntil <= now else {
                return effects.append(.reply(caller, .problem(storeProblem(question))))
            }
            track(id)
            effects.append(.lookUp(id, orReserve: startFirstFlights(caller, question)))
        }
        callers[caller] = id
        actions[id]?.hasSecondChance = true
        actions[id]?.wasAsked = true
        var newcomer = Caller(id: caller, question: question, askedAt: now, heldUntil: now)
        if actions[id]?.isLoaded == true {
            considerNewcomer(newcomer)
        } else {
            newcomer.heldUntil = now + coldWait(question.source)
            actions[id]?.waiters.insert(newcomer)
            touchDue(id)
        }
    }

    mutating func left(_ caller: CallerID) {
        guard let id = callers.removeValue(forKey: caller) else { return }
        actions[id]?.waiters.remove(caller)
    }

    mutating func drained() {
        isDraining = true
        for id in Set(callers.values).sorted(by: { $0.text < $1.text }) { touch(id) }
    }

    /// The published answer of a finished action, for callers that reach the tracker.
    private func retiredAnswer(to question: Question) -> Answer? {
        guard let answer = actions.retired(question.id)?.answer, now < answer.keptUntil else {
            return nil
        }
        let source = answer.document.source
        return question.source ?? source == source ? answer : nil
    }

    /// How long a request is held if nothing is stored. Before the store has replied, the upstream
    /// of a question without `source` is unknown.
    func coldWait(_ named: Source?) -> Duration {
        let asked = named.map { [$0] } ?? policy.configured
        return asked.map(policy.coldWait).max() ?? .zero
    }
}

// MARK: - What the store has

extension ActionTracker {
    /// Starts to track an action that the store is being asked about.
    mutating func track(_ id: ActionID) {
        actions[id] = TrackedAction(id, now: now)
        actions[id]?.lookUpAskedAt = now
    }

    mutating func lookedUp(_ id: ActionID, _ result: Result<LookUpReply, StoreFailure>) {
        let slots = (try? result.get().reservations) ?? [:]
        endFirstFlights(id, but: slots)
        switch result {
        case .success(let reply):
            store.worked(now)
            // Somebody asks what the published answer does not say.
            if let published = actions.takeRetired(id) {
                actions[id]?.restore(published, kept: policy.terminalTTL)
            } else if let place = actions.place(of: id) {
                evictions.insert(place)
            }
            actions[id]?.isLoaded = true
            take(reply.records, of: id)
            explainToCallers(id)
            for source in policy.configured {
                guard let slot = slots[source], let flight = actions[id]?.entries[source].flight
                else { continue }
                credentialIsAtHand(source)
                reserved(EntryKey(source, id), flight.number, .success(slot))
            }
        case .failure(let failure):
            storeFailed(failure)
            explainToCallers(id)
            refuseUnloaded(id)
        }
    }

    /// The store's look-up failed: callers get a problem, and the next caller causes another
    /// attempt.
    private mutating func refuseUnloaded(_ id: ActionID) {
        var problems: [Source?: Problem] = [:]
        for caller in actions[id]?.waiters.removeAll() ?? [] {
            callers[caller.id] = nil
            let named = caller.question.source
            let problem = problems[named] ?? storeProblem(caller.question)
            problems[named] = problem
            effects.append(.reply(caller.id, .problem(problem)))
        }
        forget(id)
    }

    /// The store's look-up takes longer than a whole call may: callers stop waiting.
    mutating func refuseOverdue(_ id: ActionID, atMost most: Int) -> Int {
        guard actions[id]?.isLoaded == false else { return 0 }
        let overdue = actions[id]?.waiters.takeDue(now, atMost: most) ?? []
        for caller in overdue {
            callers[caller.id] = nil
            actions[id]?.waiters.remove(caller.id)
            effects.append(.reply(caller.id, .problem(storeProblem(caller.question))))
        }
        var explanationsWaitUntil = Instant.distantFuture
        if actions[id]?.explanationCallers.isEmpty == false {
            let until = (actions[id]?.lookUpAskedAt ?? now) + coldWait(nil)
            if now < until { explanationsWaitUntil = until } else { explainToCallers(id) }
        }
        plan(id, stateDueAt: explanationsWaitUntil)
        return overdue.count
    }

    private func storeProblem(_ question: Question) -> Problem {
        let reports = candidates(question, TrackedAction(question.id, now: now)).map {
            Problem.SourceReport(source: $0, outcome: BlockReason.store.word)
        }
        return Problem(code: .storeUnavailable, retryAt: store.troubleUntil, sources: reports)
    }

    mutating func storeFailed(_ failure: StoreFailure) {
        store.failed(now)
        effects.append(.note(.storeFailed("\(failure)")))
    }
}

/// Whether the store works.
struct StoreHealth: Sendable {
    /// After a failed operation, no call is reserved before this time.
    private(set) var troubleUntil = Instant.distantPast
    private(set) var workedAt = Instant.distantPast

    mutating func worked(_ now: Instant) { workedAt = now }
    mutating func failed(_ now: Instant) { troubleUntil = now + .seconds(1) }
}
