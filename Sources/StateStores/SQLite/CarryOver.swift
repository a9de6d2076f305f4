// What a running store remembers of its own calls and pauses, to write it into a file that lost them.

import StatusCore

/// The budgets and pauses that this process knows of, in time since boot. A quarantine covers the
/// gates; a wiped budget of a day, or an upstream's hour of rest, lasts longer than that.
struct CarryOver {
    /// Beyond this many the oldest are forgotten.
    private static let callsMax = 10_000

    private var calls: [KeptCall] = []
    private var pauses: [Source: Instant] = [:]

    /// Call after the grant is committed. `offset`: store time is time since boot plus this.
    mutating func granted(_ call: KeptCall, offset: Duration) {
        var call = call
        call.ended = call.ended - offset
        call.reserved.time = call.reserved.time - offset
        calls.append(call)
        if calls.count > 2 * Self.callsMax { calls.removeFirst(calls.count - Self.callsMax) }
    }

    mutating func settled(_ settlement: Settlement, sinceBoot: Instant) {
        if let index = calls.lastIndex(where: { $0.token == settlement.token }),
            calls[index].key == settlement.key
        {
            calls[index].settle(settlement, sinceBoot: sinceBoot)
        }
        if let pause = settlement.pause {
            let source = settlement.key.source
            pauses[source] = max(pauses[source] ?? .distantPast, sinceBoot + pause)
        }
    }

    /// Enters what the file does not know, under the old tokens: the owners may still settle.
    /// The gates stay as the file has them.
    func write(
        into rows: SQLiteRows, at now: StoreMoment, offset: Duration
    ) throws(SQLiteFailure) {
        for call in calls {
            var call = call
            call.ended = call.ended + offset
            call.reserved.time = call.reserved.time + offset
            call.sent = call.sent.map { $0 + offset }
            guard now.time - call.ended < BudgetLimits.dayWindow else { continue }
            try rows.enterAgain(call)
        }
        for (source, until) in pauses where until + offset > now.time {
            var kept = try rows.source(source)
            kept.pausedUntil = max(kept.pausedUntil ?? .distantPast, until + offset)
            try rows.keep(kept, of: source)
        }
    }
}

extension KeptCall {
    fileprivate mutating func settle(_ settlement: Settlement, sinceBoot: Instant) {
        switch settlement.gate {
        case .opens:
            ended = sinceBoot
            state = .ended
        case .staysHeld:
            state = .abandoned
        }
        sent = settlement.sentAgo.map { sinceBoot - $0 }
        outcome = settlement.outcome
    }
}
