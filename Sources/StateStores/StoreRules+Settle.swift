// How a call's end is recorded: gate, journal, pause, gap and news.

import StatusCore

/// How many calls back the search for the last one that was really sent goes.
private let unsentCallsMax = 100

extension StoreRules {
    /// Records how a call ended. Saying it twice changes nothing more: after a failed attempt
    /// nobody can know whether the first one was kept.
    func settle(_ settlement: Settlement) throws(Rows.Failure) -> SettlementReply {
        let key = settlement.key
        let call = try rows.call(settlement.token).flatMap { $0.key == key ? $0 : nil }
        let kept = try rows.look(key)
        var source = try rows.source(key.source)
        if let call, call.state != .underWay, let kept {
            return SettlementReply(
                record: kept.record(at: now), gap: nil, smallestGap: source.smallestGap)
        }

        let gap = try keepEnd(of: call, settlement)
        try keepState(settlement, gap: gap, &source)
        let look = try keepLook(settlement, kept, isJournaled: call != nil)
        return SettlementReply(
            record: look.record(at: now), gap: gap, smallestGap: source.smallestGap)
    }

    /// A call that never ended for sure keeps its latest possible end.
    private func keepEnd(
        of call: KeptCall?, _ settlement: Settlement
    ) throws(Rows.Failure) -> Duration? {
        guard var call else { return nil }
        switch settlement.gate {
        case .opens:
            call.state = .ended
            call.ended = now.time
        case .staysHeld:
            call.state = .abandoned
        }
        call.sent = settlement.sentAgo.map { asked.time - $0 }
        call.outcome = settlement.outcome
        try rows.keepEnd(of: call)
        return try gap(before: call)
    }

    /// From the end of the last call that the upstream can have seen to this call's sending. Nil
    /// when that end is not known for sure: a guess would show up as a gap that never was.
    private func gap(before call: KeptCall) throws(Rows.Failure) -> Duration? {
        guard let sent = call.sent else { return nil }
        var before = call.before
        for _ in 0..<unsentCallsMax {
            guard let token = before, let prior = try rows.call(token) else { return nil }
            if prior.wasNeverSent {
                before = prior.before
                continue
            }
            guard prior.state == .ended, prior.ended <= call.reserved.time else { return nil }
            return sent - prior.ended
        }
        return nil
    }

    private func keepState(
        _ settlement: Settlement, gap: Duration?, _ source: inout KeptSource
    ) throws(Rows.Failure) {
        let old = source
        if let pause = settlement.pause {
            source.pausedUntil = max(old.pausedUntil ?? .distantPast, now.time + pause)
        }
        switch settlement.breaker {
        case .opened(let span)?:
            source.breakerUntil = max(old.breakerUntil ?? .distantPast, now.time + span)
        case .closed?: source.breakerUntil = nil
        case nil: break
        }
        if let gap { source.smallestGap = min(old.smallestGap ?? gap, gap) }
        if source != old { try rows.keep(source, of: settlement.key.source) }
    }

    /// Moves the gate if the settlement comes from its owner, and keeps the news if it is newer. A
    /// look that is not kept (any more) comes back with what the call learned.
    private func keepLook(
        _ settlement: Settlement, _ kept: KeptLook?, isJournaled: Bool
    ) throws(Rows.Failure) -> KeptLook {
        var look = kept ?? KeptLook(key: settlement.key, firstSeen: asked, opens: now.time)
        if case .opens(let span) = settlement.gate, kept == nil || look.token == settlement.token {
            look.opens = now.time + span
        }
        look.take(
            settlement.news, from: isJournaled ? settlement.token : .forgotten, asked: asked,
            answeredAgo: settlement.answeredAgo)
        if kept == nil {
            try rows.add(look)
        } else {
            try rows.keepNews(of: look)
        }
        return look
    }
}

extension SlotToken {
    /// Of a call that is not in the journal: the store has lost it, or has dropped it.
    fileprivate static let forgotten = SlotToken(0)
}

extension KeptLook {
    /// Keeps news unless what is kept comes from a later call. A finished state is never replaced
    /// by an unfinished one.
    mutating func take(
        _ news: Settlement.News, from token: SlotToken, asked: StoreMoment, answeredAgo: Duration
    ) {
        let isNewer = isNewer(news.moment(asked: asked, answeredAgo: answeredAgo), from: token)
        switch news {
        case .answer(let document, let checkedAt):
            isKnown = true
            guard isNewer else { return }
            if answer?.document.isDone != true || document.isDone {
                answer = Answer(
                    document: document, checkedAt: checkedAt, told: asked - answeredAgo)
            }
            miss = nil
            notFoundSince = nil
            newsToken = token
        case .miss(let news):
            guard isNewer else { return }
            miss = Miss(fault: news.fault, repeats: news.repeats, ended: asked - news.age)
            if news.fault.kind == .notFound { notFoundSince = notFoundSince ?? asked - news.age }
            newsToken = token
        case .none:
            break
        }
    }

    /// The order of calls tells which news is newer. A forgotten call has no place in it: a store that
    /// was set back grants later tokens than that for older news. Then the ages decide.
    private func isNewer(_ moment: StoreMoment, from token: SlotToken) -> Bool {
        guard let newsToken else { return true }
        if token != .forgotten, newsToken != .forgotten { return token > newsToken }
        let kept = [answer?.told.time, miss?.ended.time].compactMap { $0 }.max()
        return kept.map { moment.time > $0 } ?? true
    }
}

extension Settlement.News {
    /// When the upstream told it, or failed to.
    fileprivate func moment(asked: StoreMoment, answeredAgo: Duration) -> StoreMoment {
        if case .miss(let miss) = self { return asked - miss.age }
        return asked - answeredAgo
    }
}
