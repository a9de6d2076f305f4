// A process's memory of the shared store, and its judgement on each reading.

import StatusCore

struct PostgresMemory {
    var continuity = PostgresContinuity()
    var clock = ClockBounds()
    private(set) var carryOver = CarryOver()
    var changes = ChangeCursor()

    /// One reading of the store's identity and time.
    struct Reading {
        var judgement: PostgresContinuity.Judgement
        /// Local times.
        var sent: Instant
        var received: Instant
        /// How far the store's clock had gone ahead, by which it is corrected.
        var ahead: Duration?
    }

    /// A clock that has gone ahead is not followed: time continues from where it is for this
    /// process.
    mutating func judge(_ sight: PostgresSight, sent: Instant, received: Instant) -> Reading {
        let earliest = clock.earliest(at: sent)
        let judgement = continuity.judge(sight, earliest: earliest)
        var reading = Reading(judgement: judgement, sent: sent, received: received)
        let found = clock.take(judgement.now, sent: sent, received: received)
        if case .ahead(let span) = found, let expected = clock.earliest(at: sent) {
            reading.judgement = continuity.judge(sight, expected: expected, earliest: expected)
            reading.ahead = span
        }
        return reading
    }

    /// The calls that the store may have lost, to be checked; nil: none.
    func lostCalls(after reading: Reading) -> [CarryOver.Call]? {
        guard reading.judgement.trouble != nil, !carryOver.isEmpty else { return nil }
        return carryOver.calls(at: reading.judgement.now, offset: clock.offset)
    }

    /// Whether this process remembers more than the store has.
    func objects(to sight: PostgresSight) -> Bool { continuity.judge(sight).trouble != nil }

    /// A decision was written.
    mutating func keep(
        _ decision: PostgresDecision, over found: PostgresMeta?, _ reading: Reading
    ) {
        var meta = decision.meta
        meta.revision = (found?.revision ?? 0) + 1
        meta.lastTime = decision.now
        continuity.keep(meta)
        if reading.ahead != nil {
            _ = clock.take(
                decision.now, sent: reading.sent, received: reading.received, isTrusted: true)
        }
        carryOver.take(decision.after.events, offset: clock.offset)
    }

    /// Remembers a reading without a write.
    mutating func keep(unchanged meta: PostgresMeta) { continuity.keep(meta) }

    mutating func paused(_ source: Source, until: Instant) {
        carryOver.paused(source, until: until)
    }
}
