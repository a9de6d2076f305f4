// When an upstream cannot be called: the queued refreshes are looked through, and who is held for them is
// answered. Thousands can be queued.

/// The queued refreshes of one upstream that are still to be looked at.
struct BlockedRefreshes: Sendable {
    var source: Source
    /// Only this caller's refreshes of unknown ids are blocked; nil: all.
    var holder: String?
    var ids: ArraySlice<ActionID> = []
    /// A block while they are looked through concerns those that have come meanwhile.
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
        lookThroughBlocked()
    }

    /// A part of them, so that no step is long.
    mutating func lookThroughBlocked() {
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
            for id in part { lookAt(id, blocked) }
            left -= part.count
            blocked.ids.removeFirst(part.count)
            blockedRefreshes[0] = blocked
        }
    }

    private mutating func lookAt(_ id: ActionID, _ blocked: BlockedRefreshes) {
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
