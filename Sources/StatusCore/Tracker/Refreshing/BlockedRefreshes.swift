// Answers the callers that are held for an upstream's queued refreshes when it cannot be called.
// There can be thousands of refreshes.

/// The queued refreshes of one upstream that have not been checked yet.
struct BlockedRefreshes: Sendable {
    var source: Source
    /// Only this caller's refreshes of unknown ids are blocked; nil: all.
    var holder: String?
    var ids: ArraySlice<ActionID> = []
    /// Whether the queue must be checked again, because of another block during the check.
    var mustGoAgain = true
}

extension ActionTracker {
    /// Callers must not be held any longer for refreshes that cannot start.
    mutating func answerBlocked(_ source: Source, of holder: String? = nil) {
        let index = blockedRefreshes.firstIndex { $0.source == source && $0.holder == holder }
        if let index {
            blockedRefreshes[index].mustGoAgain = true
        } else {
            blockedRefreshes.append(BlockedRefreshes(source: source, holder: holder))
        }
        checkBlocked()
    }

    /// Checks a part of them, so that no step is long.
    mutating func checkBlocked() {
        var left = Self.stepSizeMax
        while left > 0, var blocked = blockedRefreshes.first {
            if blocked.ids.isEmpty {
                guard blocked.mustGoAgain else {
                    blockedRefreshes.removeFirst()
                    continue
                }
                blocked.ids = (upstreams[blocked.source]?.queue.ids ?? [])[...]
                blocked.mustGoAgain = false
            }
            let part = blocked.ids.prefix(left)
            for id in part { check(id, blocked) }
            left -= part.count
            blocked.ids.removeFirst(part.count)
            blockedRefreshes[0] = blocked
        }
    }

    private mutating func check(_ id: ActionID, _ blocked: BlockedRefreshes) {
        guard let holder = blocked.holder else {
            if actions[id]?.waiters.needTheirRefresh == true { touch(id) }
            return
        }
        guard let refresh = actions[id]?.entries[blocked.source].deferred,
            refresh.holder == holder, refresh.line.budget != .known
        else { return }
        // Those of others continue.
        actions[id]?.entries[blocked.source].deferred = nil
        touch(id)
    }
}
