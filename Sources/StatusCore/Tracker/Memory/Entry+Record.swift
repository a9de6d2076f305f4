// What an entry takes over from the store's record of it.

extension Entry {
    /// Takes over what a store replied to a request of `askedAt`. It has the last word on the gate; its
    /// news of the action counts unless that is older than what is known here (invariant 10).
    ///
    /// Ages decide: wall clocks step. The store computed them between `askedAt` and `now`, so its news
    /// is no older than its age before `askedAt`.
    ///
    /// Returns false if the reply came too late to say which of two states is newer: the store is to be
    /// asked again.
    mutating func absorb(
        _ record: EntryRecord, askedAt: Instant, _ now: Instant, _ policy: SourcePolicy
    ) -> Bool {
        spelling = record.key.id
        opensAt = now + record.opensIn
        isKnown = isKnown || record.isKnown
        firstSeenAt = min(firstSeenAt, now - record.firstSeenAgo)
        if let ago = record.notFoundAgo { notFoundSince = min(notFoundSince ?? now, now - ago) }
        let isClear = record.answer.map { absorb($0, askedAt: askedAt, now) } ?? true
        if let kept = record.miss {
            let at = askedAt - kept.age
            if at > negative?.at ?? .distantPast, at > observed?.at ?? .distantPast {
                negative = NegativeResult(
                    fault: kept.fault, repeats: kept.repeats, at: now - kept.age)
            }
        }
        let isOurCall = flight != nil && progress == .calling
        peerCall =
            isOurCall ? nil : PeerCall(record, triedAt: lastTriedAt, askedAt: askedAt, now, policy)
        return isClear
    }

    private mutating func absorb(_ kept: KeptAnswer, askedAt: Instant, _ now: Instant) -> Bool {
        if let observed {
            let isClear = now - askedAt <= Self.promptReply
            let isNewer = askedAt - kept.age > observed.newsAt
            let replaces = replaces(observed, kept, now)
            guard
                kept.document.isDone == observed.document.isDone
                    ? isNewer || isClear && replaces : kept.document.isDone
            else { return isClear || !replaces }
        }
        let at = now - kept.age
        observed = ObservedState(
            document: kept.document.kept(besides: observed?.document), checkedAt: kept.checkedAt,
            at: at, newsAt: at, answeredAt: askedAt - kept.age)
        lastStarter = nil
        if let negative, negative.at <= at { self.negative = nil }
        if let notFoundSince, notFoundSince <= at { self.notFoundSince = nil }
        return true
    }

    /// The ages in a reply that takes longer, or finds a stopped process, are known less well than
    /// two states may follow each other.
    private static let promptReply = Duration.seconds(1)

    /// Whether a state that the store has now replaces one that it had, though their ages do not show
    /// which is newer: the reply that brought the older one found a stopped process. A store that was set
    /// back has what is surely older.
    private func replaces(_ state: ObservedState, _ kept: KeptAnswer, _ now: Instant) -> Bool {
        !isUnkept && kept.document != state.document && now - kept.age >= state.answeredAt
    }

    /// The store has taken a completion: a state that it did not get before may still be here only.
    mutating func completed(_ record: EntryRecord) {
        if observed?.document == record.answer?.document { isUnkept = false }
    }

    /// The store keeps the gate shut without a time to open, since it keeps the action's end: that is
    /// served on, though by a wall clock that was set ahead, or a late purge, it looks too old for it.
    mutating func keepShut(_ now: Instant, _ policy: TrackerPolicy) {
        opensAt = now + GateTiming.shutLeast
        guard let observed, observed.document.isDone else { return }
        self.observed?.at = max(observed.at, opensAt - policy.terminalTTL)
    }
}
