// Other processes on the same store: re-reads what they have changed.

extension ActionTracker {
    mutating func notified(_ notification: ChangeNotification) {
        switch notification {
        case .changed(let id): reread(id, isUrgent: true)
        case .missed: rereadAll()
        }
    }

    /// Queues a re-read of the action, unless nothing can change or it is not tracked here.
    private mutating func reread(_ id: ActionID, isUrgent: Bool) {
        guard let tracked = actions[id], !tracked.isFinished else { return }
        rereads.insert(id, isUrgent: isUrgent)
    }

    /// Actions with held requests come first, then those that are served without asking the store.
    private mutating func rereadAll() {
        for place in evictions.places {
            guard let id = actions.id(at: place), let tracked = actions[id] else { continue }
            if !tracked.waiters.isEmpty {
                reread(id, isUrgent: true)
            } else if tracked.isReliedOn(now) {
                reread(id, isUrgent: false)
            }
        }
    }

    /// Starts as many re-reads as there is room for. Only a failed re-read delays them: another
    /// operation may have failed for other reasons.
    mutating func startRereads() {
        guard !rereads.isEmpty else { return }
        guard rereads.pausedUntil <= now else {
            if let wakeAt = rereads.nextWake() { wake(.store, at: wakeAt) }
            return
        }
        while let due = rereads.start() {
            var batch: [ActionID] = []
            for id in due {
                if actions[id]?.lookUpAskedAt == nil {
                    if actions[id] != nil { batch.append(id) }
                    actions[id]?.lookUpAskedAt = now
                } else {
                    actions[id]?.isOutdated = true
                }
            }
            if batch.isEmpty { rereads.dropped() } else { effects.append(.reread(batch)) }
        }
    }

    /// A re-read of tracked actions has ended.
    mutating func rereadEnded(_ ids: [ActionID], _ result: Result<[EntryRecord], StoreFailure>) {
        switch result {
        case .success(let records):
            rereads.worked()
            store.worked(now)
            let found = Dictionary(grouping: records, by: \.key.id)
            for id in ids { take(found[id] ?? [], of: id) }
        case .failure(let failure):
            // Reported once, however often it is tried again.
            if rereads.isWell { storeFailed(failure) }
            rereads.failed(now)
            for id in ids {
                actions[id]?.lookUpAskedAt = nil
                rereads.insert(id, isUrgent: true)
            }
        }
    }

    /// Merges the result of a look-up. A change notification that arrived meanwhile may be about a
    /// later change.
    mutating func take(_ records: [EntryRecord], of id: ActionID) {
        let askedAt = actions[id]?.lookUpAskedAt ?? now
        for record in records {
            absorb(record, askedAt: askedAt)
            dropDeferredUnlessDue(record.key)
        }
        if !records.isEmpty { actions[id]?.wasAsked = true }
        let isOutdated = actions[id]?.isOutdated == true
        actions[id]?.lookUpAskedAt = nil
        actions[id]?.isOutdated = false
        actions[id]?.recordedAt = now
        if isOutdated { rereads.insert(id, isUrgent: true) }
        touch(id)
    }

    mutating func absorb(_ record: EntryRecord, askedAt: Instant) {
        let source = record.key.source
        guard let policy = policy.sources[source] else { return }
        let wasKnown = actions[record.key.id]?.isKnown == true
        let isClear = actions[record.key.id]?.entries[source]
            .absorb(record, askedAt: askedAt, now, policy)
        if isClear == false { rereads.insert(record.key.id, isUrgent: true) }
        if !wasKnown { lineUpAsKnown(record.key.id) }
    }
}
