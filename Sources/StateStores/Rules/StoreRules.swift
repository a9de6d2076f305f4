// The rules of all stores: a state, a request and the time come in, a new state and a reply go out.

import StatusCore

/// The rules of one operation. They use no file, database or clock, and read no journal: the cost
/// of a decision depends only on the rows that it names.
struct StoreRules {
    /// The store's time during the operation.
    let now: StoreMoment
    /// When the operation was requested: durations in the request count back from here.
    let asked: StoreMoment

    /// The records of each action at all sources, ordered by source. If there are none at all, reserves
    /// the calls. `state` holds the documents, and the rows that a reservation reads.
    func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation], in state: inout StoreState
    ) -> LookUpReply {
        let entries = ids.flatMap(state.entries.entries(of:))
        guard entries.isEmpty else {
            return LookUpReply(entries.map { $0.record(at: now, state.documents[$0.key]) })
        }
        var reply = LookUpReply()
        for request in requests {
            reply.reservations[request.key.source] = reserve(request, in: &state)
        }
        return reply
    }

    /// Registers unknown sources, each with the duration of its first pause, and replies with the
    /// smallest gap that each source has ever had. Only in a store without any source there is no
    /// pause: elsewhere a source can be the new name of one that has just been called. Reads all
    /// sources.
    func register(
        _ sources: [Source: Duration], in state: inout StoreState
    ) -> [Source: Duration] {
        let isNew = state.sources.isEmpty
        for (source, hold) in sources where state.sources[source] == nil {
            state.sources[source] = SourceState(pausedUntil: isNew ? nil : now.time + hold)
        }
        return state.smallestGaps
    }

    /// Checks quarantine, pause, breaker, gate and budget, in this order; takes the call from gate
    /// and budget, or from neither. Reads the source and the id's entries at all sources; the
    /// state's document only if the verdict shows the record.
    func reserve(_ request: Reservation, in state: inout StoreState) -> ReservationReply {
        let verdict = verdict(on: request, in: &state)
        let calls = state.sources[request.key.source]?.calls ?? CallCounts()
        let minute = BudgetWindow.minute(request.budget.perMinute)
        let day = request.budget.perDay.map(BudgetWindow.day)
        return ReservationReply(
            verdict: verdict,
            budgetLeft: BudgetLeft(
                minute: calls.left(of: minute, at: now.time),
                day: day.map { calls.left(of: $0, at: now.time) }),
            returns: BudgetReturns(
                minute: calls.returns(of: minute, at: now.time),
                day: day.map { calls.returns(of: $0, at: now.time) } ?? []),
            spelling: state.entries[request.key]?.key.id)
    }

    private func verdict(
        on request: Reservation, in state: inout StoreState
    ) -> ReservationReply.Verdict {
        if let opensIn = quarantine(request, state) { return .quarantined(opensIn: opensIn) }
        let source = state.sources[request.key.source] ?? SourceState()
        if let until = source.pausedUntil, until > now.time {
            return .paused(opensIn: until - now.time)
        }
        if request.heedsBreaker, let until = source.breakerUntil, until > now.time {
            return .resting(opensIn: until - now.time)
        }
        let entry = state.entries[request.key]
        if let entry, entry.opens > now.time || entry.isFinished {
            return .gateShut(entry.record(at: now, state.documents[request.key]))
        }
        let classes = classes(of: request, entry, source, state)
        if let spent = spentBudget(BudgetWindow.all(request.budget, classes), source) {
            return spent
        }
        return .granted(grant(request, classes, in: &state))
    }

    /// The time until no forgotten call can matter, and no replica can object.
    private func quarantine(_ request: Reservation, _ state: StoreState) -> Duration? {
        let safe = state.lossDetectedAt.map { min($0, now.time) + request.quarantine }
        let opensIn = max(safe ?? .distantPast, state.barrier ?? .distantPast) - now.time
        return opensIn > .zero ? opensIn : nil
    }

    private func classes(
        of request: Reservation, _ entry: StoredEntry?, _ source: SourceState, _ state: StoreState
    ) -> CallClasses {
        guard !state.isKnown(request.key.id) else { return CallClasses() }
        return CallClasses(
            isUnknown: true, wasNotFound: entry?.notFoundSince != nil,
            holder: request.holder.map(source.calls.counted))
    }

    /// The spent budget that opens last.
    private func spentBudget(
        _ windows: [BudgetWindow], _ source: SourceState
    ) -> ReservationReply.Verdict? {
        var latest: (opensIn: Duration, kind: BudgetKind)?
        for window in windows {
            let opensIn = source.calls.opensIn(window, at: now.time)
            guard opensIn > .zero, opensIn > latest?.opensIn ?? .zero else { continue }
            latest = (opensIn, window.kind)
        }
        return latest.map { .budgetSpent(opensIn: $0.opensIn, $0.kind) }
    }

    private func grant(
        _ request: Reservation, _ classes: CallClasses, in state: inout StoreState
    ) -> FencingToken {
        let key = request.key
        let token = FencingToken(state.lastToken.number + 1)
        let ends = now.time + request.flightMax
        state.lastToken = token
        state.sources[key.source, default: SourceState()].calls.grant(ends, classes, now: now.time)
        var entry =
            state.entries[key] ?? StoredEntry(key: key, firstSeen: now, opens: now.time)
        // A call that was never sent fixes no spelling: this one's is the first.
        if entry.lease?.state == .ended, entry.lastEnd == nil, entry.newest == nil {
            entry.key = key
        }
        // It is unknown whether and when the upstream saw a call that was not completed.
        if let lease = entry.lease, lease.state != .ended { entry.lastEnd = nil }
        entry.opens = now.time + request.hold
        entry.lease = StoredEntry.Lease(
            token: token, reserved: now.time, ends: ends, classes: classes)
        state.entries[key] = entry
        state.events.append(
            .granted(
                GrantedCall(
                    token: token, key: key, reserved: now, ends: ends, classes: classes,
                    limits: request.limits)))
        return token
    }
}

extension CallCounts {
    /// Counts a call until its latest possible end, and makes room for its caller's class.
    fileprivate mutating func grant(_ ends: Instant, _ classes: CallClasses, now: Instant) {
        if let holder = classes.holder, counters[.holder(holder)] == nil { forgetHolders(at: now) }
        add(ends, classes, now: now)
    }
}

/// The time and the number of calls that the journal keeps.
enum JournalLimits {
    /// The guaranteed history: an hour more than the longest budget window.
    static let span = Duration.seconds(25 * 3600)
    /// Calls beyond this number are deleted early, but not while an audit of a day needs them.
    static let callsMax = 1_000_000

    /// Whether a call that was granted then can be deleted; tokens up to `last` have been granted.
    static func isOver(
        _ token: FencingToken, _ reserved: Instant, last: FencingToken, callsMax: Int,
        at now: Instant
    ) -> Bool {
        if now - reserved > span { return true }
        return last.number - token.number >= callsMax && now - reserved > BudgetLimits.dayWindow
    }
}

extension StoreRules {
    /// The part of an entry that is kept; nil: nothing. Ages are on the store's clock, so that
    /// setting the wall clock ahead deletes nothing. A gate that could still be shut is always
    /// kept.
    static func retain(
        _ entry: StoredEntry, _ retention: Retention, at now: Instant
    ) -> (entry: StoredEntry?, dropped: Int) {
        var entry = entry
        var dropped = 0
        if let answer = entry.answer,
            now - answer.answered.time
                > (answer.isDone ? retention.terminalTTL : retention.staleMax)
        {
            entry.answer = nil
            dropped += 1
        }
        if let negative = entry.negative, now - negative.ended.time > retention.negativeMax {
            entry.negative = nil
            entry.notFoundSince = nil
            dropped += 1
        }
        let isBare = entry.answer == nil && entry.negative == nil
        if isBare, entry.opens <= now, now - entry.opens > retention.negativeMax {
            return (nil, dropped + 1)
        }
        return (entry, dropped)
    }
}
