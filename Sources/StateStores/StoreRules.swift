// The gate, budget and news rules of a store: a request, its rows and the time in, a reply out.

import StatusCore

/// The rules of one operation. Runs inside one atomic step of the store; knows no file, no clock.
struct StoreRules<Rows: StoreRows> {
    let rows: Rows
    /// The store's now, while the operation is carried out.
    let now: StoreMoment
    /// When the operation was asked for: spans in the request count back from here.
    let asked: StoreMoment

    func lookUp(_ id: ActionID) throws(Rows.Failure) -> [LookRecord] {
        var records: [LookRecord] = []
        for source in Source.allCases {
            guard let look = try rows.look(LookKey(source, id)) else { continue }
            records.append(look.record(at: now))
        }
        return records
    }

    func smallestGaps() throws(Rows.Failure) -> PerSource<Duration?> {
        let (orders, vouchers) = (try rows.source(.orders), try rows.source(.vouchers))
        return PerSource { ($0 == .orders ? orders : vouchers).smallestGap }
    }

    /// Checks pause, breaker, gate and budget, in this order; takes the call out of all of them, or
    /// none.
    func reserve(_ request: Reservation) throws(Rows.Failure) -> ReservationReply {
        let verdict = try verdict(on: request)
        return ReservationReply(verdict: verdict, budgetLeft: try budgetLeft(for: request))
    }

    /// The answer while the store cannot vouch for its gates.
    func quarantine(
        _ request: Reservation, opensIn: Duration
    ) throws(Rows.Failure) -> ReservationReply {
        ReservationReply(
            verdict: .quarantined(opensIn: opensIn), budgetLeft: try budgetLeft(for: request))
    }

    private func verdict(
        on request: Reservation
    ) throws(Rows.Failure) -> ReservationReply.Verdict {
        let source = try rows.source(request.key.source)
        if let until = source.pausedUntil, until > now.time {
            return .paused(opensIn: until - now.time)
        }
        if request.heedsBreaker, let until = source.breakerUntil, until > now.time {
            return .resting(opensIn: until - now.time)
        }
        let look = try rows.look(request.key)
        if let look, look.opens > now.time || look.isFinished {
            return .gateShut(look.record(at: now))
        }
        let isKnown = try rows.isKnown(request.key.id)
        let wasNotFound = look?.notFoundSince != nil
        let windows =
            isKnown
            ? BudgetWindow.known(request.budget)
            : BudgetWindow.unknown(
                request.budget, wasNotFound: wasNotFound, holder: request.holder)
        if let spent = try spentBudget(windows, request.key.source) { return spent }
        return .granted(try grant(request, look, isKnown: isKnown))
    }

    /// The budget that opens last of those that are spent.
    private func spentBudget(
        _ windows: [BudgetWindow], _ source: Source
    ) throws(Rows.Failure) -> ReservationReply.Verdict? {
        var latest: (opensIn: Duration, kind: BudgetKind)?
        for window in windows {
            let opensIn = try opensIn(window, source)
            guard opensIn > .zero, opensIn > latest?.opensIn ?? .zero else { continue }
            latest = (opensIn, window.kind)
        }
        return latest.map { .budgetSpent(opensIn: $0.opensIn, $0.kind) }
    }

    /// A window has room again when the call that is `limit`-th from the latest stops counting.
    private func opensIn(
        _ window: BudgetWindow, _ source: Source
    ) throws(Rows.Failure) -> Duration {
        guard window.limit > 0 else { return window.span }
        let end = try rows.callEnd(source, rank: window.limit, of: window.counted)
        guard let end else { return .zero }
        return end + window.span - now.time
    }

    private func grant(
        _ request: Reservation, _ look: KeptLook?, isKnown: Bool
    ) throws(Rows.Failure) -> SlotToken {
        let token = try rows.add(
            NewCall(
                key: request.key, before: look?.token, reserved: now,
                ends: now.time + request.flightMax, wasUnknown: !isKnown,
                wasNotFound: !isKnown && look?.notFoundSince != nil,
                holder: isKnown ? nil : request.holder, limits: request.limits))
        let opens = now.time + request.hold
        if look == nil {
            try rows.add(KeptLook(key: request.key, firstSeen: now, opens: opens, token: token))
        } else {
            try rows.moveGate(of: request.key, opens: opens, owner: token)
        }
        return token
    }

    private func budgetLeft(for request: Reservation) throws(Rows.Failure) -> BudgetLeft {
        let source = request.key.source
        let minute = try left(of: .minute(request.budget.perMinute), source)
        guard let perDay = request.budget.perDay else {
            return BudgetLeft(minute: minute, day: nil)
        }
        return BudgetLeft(minute: minute, day: try left(of: .day(perDay), source))
    }

    private func left(of window: BudgetWindow, _ source: Source) throws(Rows.Failure) -> Int {
        max(0, window.limit - (try rows.callCount(source, endingAfter: now.time - window.span)))
    }
}
