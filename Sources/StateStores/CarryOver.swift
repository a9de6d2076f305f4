// A running store's memory of its own calls and pauses, to restore them if the store has lost them.

import StatusCore

/// The calls and pauses that this process knows, in time since boot. A quarantine covers the gates,
/// but a day's budget or an hour's pause lasts longer.
struct CarryOver {
    /// A call of this process.
    struct Call {
        var granted: GrantedCall
        var completed: CompletedCall?

        /// The latest time at which it can have been under way.
        var end: Instant { completed?.ended ?? granted.ends }
    }

    /// Beyond this many the oldest are dropped, several at a time, since the others are moved.
    private static let callsMax = 10_000
    private static let surplusMax = 500

    private var calls: [Call] = []
    private var pauses: [Source: Instant] = [:]

    /// A call takes half a kilobyte, and an array that grows reserves twice what it needs.
    init() { calls.reserveCapacity(Self.callsMax + 2 * Self.surplusMax) }

    var isEmpty: Bool { calls.isEmpty && pauses.isEmpty }

    /// Whether that call was granted to this process.
    func has(_ token: FencingToken) -> Bool {
        calls.reversed().contains { $0.granted.token == token }
    }

    /// Must be called after a decision's events are committed. `offset`: store time is time since
    /// boot plus this.
    mutating func take(_ events: [JournalEvent], offset: Duration) {
        for event in events {
            switch event {
            case .granted(let call): calls.append(Call(granted: call).moved(by: .zero - offset))
            case .completed(let call):
                let index = calls.lastIndex { $0.granted.token == call.token }
                guard let index, calls[index].granted.key == call.key else { continue }
                calls[index].completed = call.moved(by: .zero - offset)
            }
        }
        if calls.count > Self.callsMax + Self.surplusMax {
            calls.removeFirst(calls.count - Self.callsMax)
        }
    }

    mutating func paused(_ source: Source, until: Instant) {
        pauses[source] = max(pauses[source] ?? .distantPast, until)
    }

    /// The calls that a budget can still count at `now`, in store time, with their old tokens,
    /// since their owners may still complete them.
    func calls(at now: Instant, offset: Duration) -> [Call] {
        calls.map { $0.moved(by: offset) }.filter { now - $0.end < BudgetLimits.dayWindow }
    }

    /// The pauses that are not over at `now`, in store time.
    func pauses(at now: Instant, offset: Duration) -> [Source: Instant] {
        pauses.mapValues { $0 + offset }.filter { $0.value > now }
    }
}

extension CarryOver.Call {
    fileprivate func moved(by span: Duration) -> Self {
        var call = self
        call.granted.reserved.time = granted.reserved.time + span
        call.granted.ends = granted.ends + span
        call.completed = completed?.moved(by: span)
        return call
    }
}

extension CompletedCall {
    fileprivate func moved(by span: Duration) -> Self {
        var call = self
        call.ended = ended.map { $0 + span }
        call.sent = sent.map { $0 + span }
        return call
    }
}

extension StoreRules {
    /// Restores missing calls, and pauses. The gates stay unchanged.
    func enterAgain(
        _ calls: [CarryOver.Call], _ pauses: [Source: Instant], in state: inout StoreState
    ) {
        for call in calls {
            let granted = call.granted
            state.sources[granted.key.source, default: SourceState()].calls
                .add(call.end, granted.classes, now: now.time)
            state.events.append(.granted(granted))
            if let completed = call.completed { state.events.append(.completed(completed)) }
        }
        for (source, until) in pauses {
            let before = state.sources[source]?.pausedUntil ?? .distantPast
            state.sources[source, default: SourceState()].pausedUntil = max(before, until)
        }
    }
}
