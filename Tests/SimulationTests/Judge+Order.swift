// Judges the order of service: which refresh has its turn first, and that no waiting one starves. The
// tracker reports what is queued; the judge itself knows who waits and who has been served.

@testable import StatusCore

/// A refresh that is due and has had no turn yet, or has just got it, as its process knows it.
struct Place {
    var key: EntryKey
    var line: RefreshLine
    /// When it was queued.
    var since: Instant
    /// When its state was last learned, or its call failed; else when it was first requested.
    var knownSince: Instant
    /// Whether nothing was learned of it while it was queued.
    var isUnchanged: Bool
    /// Whether it has just got its turn.
    var isStarted: Bool
}

/// Which refreshes have had a turn while another was queued, and how many calls that one had made by
/// then.
struct PassedOver {
    var since: Instant
    var by: [ActionID: Int] = [:]
}

extension Judge {
    /// A refresh has its turn: none of those queued before should have come first.
    mutating func started(_ replica: Replica, _ key: EntryKey, _ flight: UInt64, at now: Instant) {
        defer { noteTurn(replica, key, now) }
        began(replica, key, flight)
        passedOver[view(replica, key)] = nil
        guard let chosen = replica.turn(key) else { return }
        guard let isWaitedFor = isWaitedFor(replica, key) else { return }
        let local = replica.clock.shows(now)
        for id in ids where id != key.id {
            guard let other = replica.place(EntryKey(key.source, id), behind: flight) else {
                continue
            }
            guard let isOtherWaitedFor = self.isWaitedFor(replica, other.key) else { continue }
            if isWaitedFor == isOtherWaitedFor { checkAlternation(replica, other, chosen, now) }
            guard other.since < local, other.line.budget == .known || other.line == chosen.line
            else { continue }
            if isOtherWaitedFor, !isWaitedFor {
                accuse(.waitingPassedOver, now, "\(other.key), whose callers wait, by \(key)")
            }
            if isOtherWaitedFor == isWaitedFor { checkAges(other, chosen, now) }
            if isOtherWaitedFor, !other.isStarted { checkStarving(replica, other, chosen, now) }
        }
    }

    /// Unknown ids of one batch get no two turns while one requested alone waits.
    private mutating func checkAlternation(
        _ replica: Replica, _ other: Place, _ chosen: Place, _ now: Instant
    ) {
        guard chosen.line.isTogether, !other.line.isTogether,
            other.line.budget == chosen.line.budget,
            let before = togetherTurns[upstream(replica, chosen.key.source)], other.since < before
        else { return }
        accuse(.singlePassedOver, now, "\(other.key) by \(chosen.key), the second in a row")
    }

    private mutating func noteTurn(_ replica: Replica, _ key: EntryKey, _ now: Instant) {
        guard let line = replica.turn(key)?.line, line.budget != .known else { return }
        togetherTurns[upstream(replica, key.source)] =
            line.isTogether ? replica.clock.shows(now) : nil
    }

    private mutating func checkAges(_ other: Place, _ chosen: Place, _ now: Instant) {
        guard other.isUnchanged, chosen.isUnchanged else { return }
        let span = chosen.knownSince - other.knownSince
        // The ids of one request count as requested one after the other.
        let spread = ActionTracker.placeSpan * (other.line.isTogether ? Scenario.placeMax : 0)
        guard span > spread else { return }
        accuse(.olderPassedOver, now, "\(other.key), older by \(span), by \(chosen.key)")
    }

    /// A refresh that was called while another waited is queued behind it the next time.
    private mutating func checkStarving(
        _ replica: Replica, _ other: Place, _ chosen: Place, _ now: Instant
    ) {
        let calls = callCounts[view(replica, chosen.key), default: 0]
        var passed = passedOver[view(replica, other.key)] ?? PassedOver(since: other.since)
        if passed.since != other.since { passed = PassedOver(since: other.since) }
        if let before = passed.by[chosen.key.id], before < calls {
            accuse(.starved, now, "\(other.key) by \(chosen.key), which was called meanwhile")
        }
        passed.by[chosen.key.id] = passed.by[chosen.key.id] ?? calls
        passedOver[view(replica, other.key)] = passed
    }

    /// Nil if only key holders wait who have used up their share. They benefit from others' requests,
    /// and have no guaranteed place in the queue.
    private func isWaitedFor(_ replica: Replica, _ key: EntryKey) -> Bool? {
        let waiting = held.values.filter {
            $0.replica == replica.index && $0.question.id == key.id
                && replica.isAsked($0.question, key.source)
        }
        let haveCalls =
            replica.isKnown(key)
            || waiting.contains { replica.mayLookUp($0.question.holder, key.source) }
        return waiting.isEmpty || haveCalls ? !waiting.isEmpty : nil
    }
}
