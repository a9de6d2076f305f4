// The store without a file, for tests and trying out: it forgets its gates when the process ends.

internal import Dispatch
public import StatusCore

/// Keeps everything in memory, with the same promises as the other stores as long as it lives.
///
/// `@unchecked Sendable`: `clock` is immutable and itself `Sendable`; `rows` and `isClosed` are
/// touched only in blocks of `queue`, which is serial.
public final class MemoryStore: StateStore, @unchecked Sendable {
    private let queue = DispatchQueue(label: "status-proxy.memory-store")
    private let clock: @Sendable () -> Instant
    private let rows = MemoryRows()
    private var isClosed = false

    /// `clock` never steps and is the store's only time.
    public init(clock: @escaping @Sendable () -> Instant) { self.clock = clock }

    public func lookUp(
        _ id: ActionID,
        reply: @escaping @Sendable (Result<[LookRecord], StoreFailure>) -> Void
    ) {
        enqueue(reply) { rules in rules.lookUp(id) }
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        enqueue(reply) { rules in rules.reserve(request) }
    }

    public func settle(
        _ settlement: Settlement,
        reply: @escaping @Sendable (Result<SettlementReply, StoreFailure>) -> Void
    ) {
        enqueue(reply) { rules in rules.settle(settlement) }
    }

    public func smallestGaps(
        reply: @escaping @Sendable (Result<PerSource<Duration?>, StoreFailure>) -> Void
    ) {
        enqueue(reply) { rules in rules.smallestGaps() }
    }

    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        enqueue(reply) { rules in rules.rows.purge(retention, at: rules.now.time) }
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        queue.async {
            self.isClosed = true
            reply()
        }
    }

    private func enqueue<Reply>(
        _ reply: @escaping @Sendable (Result<Reply, StoreFailure>) -> Void,
        _ work: @escaping @Sendable (StoreRules<MemoryRows>) -> Reply
    ) {
        let asked = moment()
        queue.async {
            guard !self.isClosed else { return reply(.failure(.closed)) }
            reply(.success(work(StoreRules(rows: self.rows, now: self.moment(), asked: asked))))
        }
    }

    /// The memory does not outlive the machine, so the wall clock has nothing to add.
    private func moment() -> StoreMoment {
        let time = clock()
        return StoreMoment(time: time, wall: WallTime(milliseconds: time.nanoseconds / 1_000_000))
    }
}

extension MemoryStore: CallJournal {
    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read { $0.journal }.forEach { body($0.journaled) }
    }

    public func smallestGaps() throws(StoreFailure) -> PerSource<Duration?> {
        try read { rows in PerSource { rows.source($0).smallestGap } }
    }

    private func read<Value>(_ value: (MemoryRows) -> Value) throws(StoreFailure) -> Value {
        let value = queue.sync { isClosed ? nil : value(rows) }
        guard let value else { throw .closed }
        return value
    }
}
