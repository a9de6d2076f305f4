// A call that another process on the same store is making, recognised by how its gate stands.

/// A call that a peer seems to be making.
struct PeerCall: Sendable, Equatable {
    var startedAt: Instant
    /// By then it has ended, or its process is gone.
    var endsBy: Instant

    /// Nil when the gate does not stand as one that was reserved and is not completed yet: a completed
    /// one opens after the interval, unless the upstream asked for more, which is kept as a negative
    /// result. `triedAt`: when the entry was last refreshed, as far as is known here.
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
