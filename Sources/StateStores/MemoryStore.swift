// The store without a file, for tests and trying out: it forgets its gates when the process ends.

internal import Locking
public import StatusCore

/// Keeps everything in memory, with the same promises as the other stores as long as it lives.
///
/// Nothing here waits, so every call replies before it returns.
public final class MemoryStore: StateStore {
    private let clock: @Sendable () -> Instant
    /// Nil once it is closed.
    private let kept = Guarded<MemoryRows?>(MemoryRows())

    /// `clock` never steps and is the store's only time.
    public init(clock: @escaping @Sendable () -> Instant) { self.clock = clock }

    public func lookUp(
        _ ids: [ActionID],
        reply: @escaping @Sendable (Result<[LookRecord], StoreFailure>) -> Void
    ) {
        answer(reply) { rules in ids.flatMap { rules.lookUp($0) } }
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        answer(reply) { rules in rules.reserve(request) }
    }

    public func settle(
        _ settlement: Settlement,
        reply: @escaping @Sendable (Result<SettlementReply, StoreFailure>) -> Void
    ) {
        answer(reply) { rules in rules.settle(settlement) }
    }

    public func smallestGaps(
        reply: @escaping @Sendable (Result<PerSource<Duration?>, StoreFailure>) -> Void
    ) {
        answer(reply) { rules in rules.smallestGaps() }
    }

    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        answer(reply) { rules in rules.rows.purge(retention, at: rules.now.time) }
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        kept.withLock { $0 = nil }
        reply()
    }

    private func answer<Reply: Sendable>(
        _ reply: (Result<Reply, StoreFailure>) -> Void,
        _ work: (StoreRules<MemoryRows>) -> Reply
    ) {
        let asked = moment()
        let found = kept.withLock { rows in
            rows.map { work(StoreRules(rows: $0, now: moment(), asked: asked)) }
        }
        reply(found.map(Result.success) ?? .failure(.closed))
    }

    /// The memory does not outlive the machine, so the wall clock has nothing to add.
    private func moment() -> StoreMoment {
        let time = clock()
        return StoreMoment(time: time, wall: WallTime(milliseconds: time.nanoseconds / 1_000_000))
    }
}

extension MemoryStore: CallJournal {
    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read { $0.journal.map(\.journaled) }.forEach(body)
    }

    public func smallestGaps() throws(StoreFailure) -> PerSource<Duration?> {
        try read { rows in PerSource { rows.source($0).smallestGap } }
    }

    private func read<Value: Sendable>(
        _ value: (MemoryRows) -> Value
    ) throws(StoreFailure) -> Value {
        guard let value = kept.withLock({ $0.map(value) }) else { throw .closed }
        return value
    }
}
