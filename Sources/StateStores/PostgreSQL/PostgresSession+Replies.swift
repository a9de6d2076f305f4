// What is said for an errand, and what its reply means: for the asker, and for trust in the store.

internal import StatusCore

extension PostgresSession {
    func statement(for errand: PostgresErrand) -> PostgresStatement {
        switch errand.task {
        case .asked(let operation): statement(for: operation)
        case .beat: .beat(memory.credentials(deadline: errand.sent.map { $0 + limits.settlingMax }))
        case .setBack: setBack(errand)
        case .carryOver: carryOver(errand)
        }
    }

    private func statement(for operation: StoreOperation) -> PostgresStatement {
        let decided = memory.credentials(deadline: operation.asked + limits.decisionMax)
        let written = memory.credentials(deadline: clock.sinceBoot() + limits.settlingMax)
        switch operation.request {
        case .lookUp(let ids, _): return .lookUp(ids)
        case .changes: return .changes(since: memory.changes.since)
        case .reserve(let request, _):
            quarantine = max(quarantine, request.quarantine)
            return .reserve(request, decided)
        case .settle(let settlement, _):
            let asked = memory.clock.earliest(at: operation.asked)
            return .settle(settlement, asked: asked, written)
        case .smallestGaps: return .smallestGaps()
        case .purge(let retention, let progress, _):
            return .purge(retention, progress.stage, limits, written)
        }
    }

    private func setBack(_ errand: PostgresErrand) -> PostgresStatement {
        let expected = errand.sent.flatMap { memory.clock.earliest(at: $0) }
        return .setBack(Array(memory.credentials(deadline: nil).dropLast()) + [.instant(expected)])
    }

    private func carryOver(_ errand: PostgresErrand) -> PostgresStatement {
        let local = errand.sent ?? clock.sinceBoot()
        let offset = memory.clock.offset
        return .carryOver(
            memory.carryOver.calls(at: local + offset, offset: offset),
            memory.carryOver.pauses(at: local + offset, offset: offset),
            memory.credentials(deadline: local + limits.settlingMax))
    }

    /// Takes a reply in and tells the asker.
    func take(
        _ result: PostgresResult, for errand: PostgresErrand, at received: Instant
    ) throws(PostgresFailure) {
        switch errand.task {
        case .asked(let operation): try take(result, for: operation, of: errand, at: received)
        case .beat:
            try judge(PostgresEntry(result.row(columns: PostgresEntry.columns)), errand, received)
        case .setBack:
            isSettingBack = false
            try judge(
                PostgresEntry(result.row(columns: PostgresEntry.columns)), errand, received,
                isTrusted: true)
        case .carryOver:
            let entry = try PostgresEntry(result.row(columns: PostgresEntry.columns))
            owesCarryOver = entry.isLate
            try judge(entry, errand, received)
        }
    }

    private func take(
        _ result: PostgresResult, for operation: StoreOperation, of errand: PostgresErrand,
        at received: Instant
    ) throws(PostgresFailure) {
        switch operation.request {
        case .lookUp(let ids, let reply):
            if !errand.isGivenUp { reply(.success(LookRecord.all(result, ids))) }
        case .changes(let reply):
            guard let found = PostgresReplies.changes(result) else {
                throw .malformed("a store without a time")
            }
            let ids = memory.changes.take(
                found.ended, lastTime: found.lastTime, isOwn: memory.carryOver.has)
            if !errand.isGivenUp { reply(.success(ids)) }
        case .reserve(let request, let reply):
            let found = try PostgresReservation(result, request)
            try take(found, request, errand, received, reply)
        case .settle(let settlement, let reply):
            let found = try PostgresSettlement(result, settlement)
            try judge(found.entry, errand, received)
            guard let answer = found.reply else { return sayAgain(errand) }
            memory.carryOver.settled(settlement, sinceBoot: received)
            notifications?.send([settlement.key.id])
            if !errand.isGivenUp { reply(.success(answer)) }
        case .smallestGaps(let reply):
            if !errand.isGivenUp { reply(.success(PostgresReplies.smallestGaps(result))) }
        case .purge(let retention, let progress, let reply):
            let found = try PostgresPurge(result)
            try judge(found.entry, errand, received)
            guard !found.entry.isLate else { throw Self.late }
            let next = found.next(after: progress)
            if errand.isGivenUp { return }
            if case .done = next.stage { return reply(.success(next.dropped)) }
            let rest = StoreOperation(
                request: .purge(retention, next, reply: reply), asked: clock.sinceBoot())
            errands.add(.asked(rest), until: .now + limits.settlingMax)
        }
    }

    private static let late = PostgresFailure.tooSlow("the database came to it too late")

    /// A settlement is repeated until its time is over: the store's clock may have been wrong.
    private func sayAgain(_ errand: PostgresErrand) {
        if !errand.isGivenUp { errands.putBack(errand) }
    }

    // MARK: - Reservations

    private func take(
        _ found: PostgresReservation, _ request: Reservation, _ errand: PostgresErrand,
        _ received: Instant, _ reply: StoreOperation.Reply<ReservationReply>
    ) throws(PostgresFailure) {
        let isEven = try judge(found.entry, errand, received)
        guard !found.entry.isLate else { throw Self.late }
        if case .quarantined(let span) = found.reply.verdict { noticeQuarantine(for: span) }
        guard case .granted(let token) = found.reply.verdict else {
            if !errand.isGivenUp { reply(.success(found.reply)) }
            return
        }
        memory.carryOver.granted(
            KeptCall(
                token: token, key: request.key, before: nil,
                reserved: StoreMoment(time: found.entry.now, wall: WallTime(milliseconds: 0)),
                ended: found.entry.now + request.flightMax, state: .underWay,
                wasUnknown: found.wasUnknown, limits: request.limits),
            offset: memory.clock.offset)
        var answer = found.reply
        // The gate may have opened by the clock's step alone.
        if !isEven { answer.verdict = .quarantined(opensIn: request.quarantine) }
        guard errand.isGivenUp else { return reply(.success(answer)) }
        if isEven { giveBack(token, request.key) }
    }

    /// A grant that came too late for its asker: nothing is sent, and the gate need not stay shut.
    private func giveBack(_ token: SlotToken, _ key: LookKey) {
        let settlement = Settlement(
            key: key, token: token, gate: .opens(in: .zero), pause: nil, sentAgo: nil, news: .none,
            outcome: UpstreamFault.Kind.slotExpired.rawValue)
        let operation = StoreOperation(
            request: .settle(settlement) { _ in }, asked: clock.sinceBoot())
        errands.add(.asked(operation), until: .now + limits.settlingMax)
    }

    // MARK: - Trust

    /// Remembers the store's state and time. False when its clock has gone ahead of ours: then what it
    /// decided by that clock does not count.
    @discardableResult
    private func judge(
        _ entry: PostgresEntry, _ errand: PostgresErrand, _ received: Instant,
        isTrusted: Bool = false
    ) throws(PostgresFailure) -> Bool {
        let reading = memory.clock.take(
            entry.now, sent: errand.sent ?? received, received: received, isTrusted: isTrusted)
        if !entry.isLate { memory.keep(entry) }
        if let trouble = entry.trouble {
            noticeTrouble(trouble)
            owesCarryOver = true
        }
        if case .ahead(let span) = reading {
            if !isSettingBack {
                noticeTrouble("its clock went ahead by \(span)")
                isSettingBack = true
                say(.setBack)
            }
            return false
        }
        payCarryOver()
        return true
    }

    /// Once for each trouble, and again if it was not carried out.
    func payCarryOver() {
        guard owesCarryOver else { return }
        owesCarryOver = false
        if !memory.carryOver.isEmpty { say(.carryOver) }
    }
}
