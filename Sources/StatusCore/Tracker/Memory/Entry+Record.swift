// Merges the store's record into an entry.

extension Entry {
    /// Merges the store's reply to a request of `askedAt`. The store is authoritative for the gate;
    /// its state of the action counts unless it is older than the one known here.
    ///
    /// Ages decide, since wall clocks step. The store computed them between `askedAt` and `now`, so
    /// its state is no older than its age before `askedAt`.
    ///
    /// Returns false if the reply came too late to decide which of two states is newer; the store
    /// must then be asked again.
    mutating func absorb(
        _ record: EntryRecord, askedAt: Instant, _ now: Instant, _ policy: SourcePolicy
    ) -> Bool {
        spelling = record.key.id
        opensAt = now + record.opensIn
        isKnown = isKnown || record.isKnown
        firstSeenAt = min(firstSeenAt, now - record.firstSeenAgo)
        if let ago = record.notFoundAgo { notFoundSince = min(notFoundSince ?? now, now - ago) }
        let isClear = record.answer.map { absorb($0, askedAt: askedAt, now) } ?? true
        if let kept = record.negative {
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

    /// The longest a reply may take for its ages to be exact enough to order two states. A slower
    /// reply, or one that arrives while the process is stopped, is not.
    private static let promptReply = Duration.seconds(1)

    /// Whether the store's current state replaces one that it had before, although their ages do
    /// not show which is newer, because this process was stopped when the older one arrived. A
    /// store that was set back certainly has an older one.
    private func replaces(_ state: ObservedState, _ kept: KeptAnswer, _ now: Instant) -> Bool {
        !isUnkept && kept.document != state.document && now - kept.age >= state.answeredAt
    }

    /// The store has recorded a completion. A state that it failed to record before may still exist
    /// only here.
    mutating func completed(_ record: EntryRecord) {
        if observed?.document == record.answer?.document { isUnkept = false }
    }

    /// The store keeps the gate shut without a time to open, since it has a final state: that is
    /// still served, even if it looks too old because of a wall clock that was set ahead or a late
    /// purge.
    mutating func keepShut(_ now: Instant, _ policy: TrackerPolicy) {
        opensAt = now + GateTiming.shutLeast
        guard let observed, observed.document.isDone else { return }
        self.observed?.at = max(observed.at, opensAt - policy.terminalTTL)
    }
}
