// What a running store remembers of its own calls and pauses, to enter it again where it was lost.

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

    var isEmpty: Bool { calls.isEmpty && pauses.isEmpty }

    /// That call was granted here.
    func has(_ token: SlotToken) -> Bool { calls.reversed().contains { $0.token == token } }

    /// The calls that a budget can still count at `now`, in store time, under the old tokens: their
    /// owners may still settle.
    func calls(at now: Instant, offset: Duration) -> [KeptCall] {
        calls.compactMap { call in
            var call = call
            call.ended = call.ended + offset
            call.reserved.time = call.reserved.time + offset
            call.sent = call.sent.map { $0 + offset }
            return now - call.ended < BudgetLimits.dayWindow ? call : nil
        }
    }

    /// The pauses that are not over at `now`, in store time.
    func pauses(at now: Instant, offset: Duration) -> [Source: Instant] {
        pauses.mapValues { $0 + offset }.filter { $0.value > now }
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
