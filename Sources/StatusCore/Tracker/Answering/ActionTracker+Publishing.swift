// Publishes and withdraws answers that can be served without the tracker.

extension ActionTracker {
    /// Publishes the answer for as long as it would not change. The publication precedes the
    /// replies: a caller that got a reply must not find the old answer.
    mutating func publish(_ id: ActionID, before firstReply: Int) {
        guard let tracked = actions[id] else { return }
        let next = snapshot(tracked, Question(id: id))
        noteBlocked(id, tracked, next)
        guard next != tracked.published else { return }
        actions[id]?.published = next
        effects.insert(next.map { .publish(id, $0) } ?? .withdraw(id), at: firstReply)
    }

    private func snapshot(_ tracked: TrackedAction, _ question: Question) -> Snapshot? {
        let answered = candidates(question, tracked).filter { tracked.entries[$0].observed != nil }
        guard let source = answered.first, answered.count == 1 else { return nil }
        guard refreshHold(tracked, source) == nil else { return nil }
        let answer = answer(tracked, source, for: nil)
        let entry = tracked.entries[source]
        var until = min(answer.keptUntil, staleness(tracked, source).until)
        if let peerCall = entry.peerCall { until = min(until, peerCall.endsBy) }
        if entry.refreshStartedAt == nil, let nextRefreshAt = answer.nextRefreshAt {
            until = min(until, nextRefreshAt)
        }
        return now < until ? Snapshot(question.id, answer, servableUntil: until) : nil
    }

    /// Records whether the published answer names a block reason.
    private mutating func noteBlocked(
        _ id: ActionID, _ tracked: TrackedAction, _ snapshot: Snapshot?
    ) {
        for source in policy.configured {
            guard let snapshot, snapshot.answer.document.source == source,
                staleness(tracked, source).isBlocked
            else {
                upstreams[source]?.published.remove(id)
                continue
            }
            upstreams[source]?.published.insert(
                id, snapshot.answer.staleReason, until: snapshot.servableUntil)
        }
    }

    /// Withdraws answers that were published under a block reason that has ended early or changed.
    mutating func withdrawOutdated() {
        for source in policy.configured {
            guard upstreams[source]?.published.ids.isEmpty == false,
                let upstream = upstreams[source]
            else { continue }
            let reason = blocked(upstream, .known)?.reason.staleReason
            guard reason != upstream.published.reason else { continue }
            if now < upstream.published.until {
                for id in upstream.published.ids where actions[id]?.published != nil {
                    actions[id]?.published = nil
                    effects.append(.withdraw(id))
                }
            }
            upstreams[source]?.published.removeAll()
        }
    }
}

/// One upstream's published answers that name the block reason of their time.
struct BlockedPublications: Sendable {
    private(set) var ids: Set<ActionID> = []
    private(set) var reason: StaleReason?
    /// When the last of them expires.
    private(set) var until = Instant.distantPast

    mutating func insert(_ id: ActionID, _ reason: StaleReason?, until: Instant) {
        ids.insert(id)
        self.reason = reason
        self.until = max(self.until, until)
    }

    mutating func remove(_ id: ActionID) { ids.remove(id) }
    mutating func removeAll() { self = BlockedPublications() }
}
