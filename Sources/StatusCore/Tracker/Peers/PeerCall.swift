// A call that another process on the same store is making, recognised by its gate.

/// A call that a peer seems to be making.
struct PeerCall: Sendable, Equatable {
    var startedAt: Instant
    /// When it has ended at the latest, or its process is gone.
    var endsBy: Instant

    /// Nil unless the gate is that of a reserved call that is not completed: a completed call's
    /// gate opens after the interval, unless the upstream asked for more, which is stored as a
    /// negative result. `triedAt`: the last known refresh of the entry.
    init?(
        _ record: EntryRecord, triedAt: Instant?, askedAt: Instant, _ now: Instant,
        _ policy: SourcePolicy
    ) {
        let completedMax = policy.minInterval + policy.slew
        guard record.opensIn > completedMax, record.opensIn <= policy.hold else { return nil }
        startedAt = askedAt - (policy.hold - record.opensIn)
        guard triedAt ?? .distantPast < startedAt else { return nil }
        endsBy = now + (record.opensIn - completedMax)
    }
}
