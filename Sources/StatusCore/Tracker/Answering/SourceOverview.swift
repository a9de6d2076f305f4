// The state of each source, and the results of its calls.

/// One source's state and figures. Counts are since the start.
public struct SourceOverview: Sendable {
    public var figures: UpstreamFigures
    /// The number of actions in memory that are not done.
    public var pending: Int
    /// The number of actions that were found done.
    public var finished: Int
    /// The number of sent calls.
    public var callsMade: Int
    public var lastAnsweredAt: Instant?
    /// Newest first.
    public var lastCalls: [MadeCall]
}

extension ActionTracker {
    /// In the order of the configuration. Causes no call.
    public mutating func overview(now: Instant) -> [SourceOverview] {
        self.now = max(now, self.now)
        return upstreamFigures().map { figures in
            let log = callLog[figures.source] ?? CallLog()
            return SourceOverview(
                figures: figures, pending: pending[figures.source] ?? 0, finished: log.finished,
                callsMade: log.made, lastAnsweredAt: log.lastAnsweredAt,
                lastCalls: log.last(Self.callsShown))
        }
    }

    /// Updates whether an action counts as pending.
    mutating func countPending(_ id: ActionID) {
        let now = actions[id].flatMap { tracked in
            policy.configured.first {
                tracked.entries[$0].observed.map { !$0.document.isDone } ?? false
            }
        }
        let before = actions[id]?.pendingAt
        guard now != before else { return }
        countPending(now, before)
        actions[id]?.pendingAt = now
    }

    mutating func countPending(_ source: Source?, _ before: Source?) {
        if let before { pending[before]? -= 1 }
        if let source { pending[source]? += 1 }
    }
}
