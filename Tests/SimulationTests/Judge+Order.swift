// The order of service: whose look has its turn before whose, and that nobody who waits starves. What
// stands in line is the tracker's word; who waits, and who has been served, the judge knows itself.

@testable import StatusCore

/// A look that is due and has no turn yet, or has just got it, as its process knows it.
struct Place {
    var key: EntryKey
    var line: RefreshLine
    /// Since when it stands in line.
    var since: Instant
    /// When its state was last learned, or the look failed; else when it was first asked for.
    var knownSince: Instant
    /// Nothing was learned of it while it stood in line.
    var isUnchanged: Bool
    /// It has just got its turn.
    var isStarted: Bool
}

/// Who has had a turn while a look stood in line, and how many calls that one had made by then.
struct PassedOver {
    var since: Instant
    var by: [ActionID: Int] = [:]
}

extension Judge {
    /// A look has its turn: of those that stood in line before, none should have come first.
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

    /// Of unknown ids, those asked for together have no two turns while one asked for singly waits.
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
        // The questions of one request count as asked one after the other.
        let spread = ActionTracker.placeSpan * (other.line.isTogether ? Scenario.placeMax : 0)
        guard span > spread else { return }
        accuse(.olderPassedOver, now, "\(other.key), older by \(span), by \(chosen.key)")
    }

    /// Who was called while another waited stands behind it the next time.
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

    /// Nil: only by key holders who have used up their part. They share in what others have asked for,
    /// and no place in line is promised to them.
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
