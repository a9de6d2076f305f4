// A store in memory, for tests and trying out: its gates are lost when the process ends.

internal import Locking
public import StatusCore

/// Keeps everything in memory, with the same guarantees as the other stores during its life.
///
/// Nothing blocks, so every call replies before it returns.
public final class MemoryStore: StateStore {
    private struct Kept {
        var state = StoreState()
        var journal = MemoryJournal()

        mutating func keepEvents() { journal.take(from: &state) }
    }

    private let clock: @Sendable () -> Instant
    /// Nil once it has been closed.
    private let kept = Guarded<Kept?>(Kept())

    /// `clock` must be monotonic, and is the store's only clock.
    public init(clock: @escaping @Sendable () -> Instant) { self.clock = clock }

    public func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void
    ) {
        answer(reply) { rules, kept in
            rules.lookUp(ids, orReserve: requests, in: &kept.state)
        }
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        answer(reply) { rules, kept in rules.reserve(request, in: &kept.state) }
    }

    public func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void
    ) {
        answer(reply) { rules, kept in rules.complete(completion, in: &kept.state) }
    }

    public func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void
    ) {
        answer(reply) { rules, kept in rules.register(sources, in: &kept.state) }
    }

    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        answer(reply) { rules, kept in
            let now = rules.now.time
            return kept.state.purge(retention, at: now)
                + kept.journal.purge(last: kept.state.lastToken, at: now)
        }
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        kept.withLock { $0 = nil }
        reply()
    }

    private func answer<Reply: Sendable>(
        _ reply: (Result<Reply, StoreFailure>) -> Void,
        _ work: (StoreRules, inout Kept) -> Reply
    ) {
        let asked = moment()
        let found = kept.withLock { kept -> Reply? in
            defer { kept?.keepEvents() }
            let rules = StoreRules(now: moment(), asked: asked)
            return kept.update { work(rules, &$0) }
        }
        reply(found.map(Result.success) ?? .failure(.closed))
    }

    /// Memory does not outlive the machine, so the wall clock is not needed.
    private func moment() -> StoreMoment {
        let time = clock()
        return StoreMoment(time: time, wall: WallTime(milliseconds: time.nanoseconds / 1_000_000))
    }
}

extension MemoryStore: CallJournal {
    public func forEachCall(_ body: (JournaledCall) -> Void) throws(StoreFailure) {
        try read(\.journal.calls).forEach(body)
    }

    public func smallestGaps() throws(StoreFailure) -> [Source: Duration] {
        try read(\.state.smallestGaps)
    }

    private func read<Value: Sendable>(
        _ value: (Kept) -> Value
    ) throws(StoreFailure) -> Value {
        guard let value = kept.withLock({ $0.map(value) }) else { throw .closed }
        return value
    }
}

extension Optional {
    /// Changes the value in place.
    fileprivate mutating func update<Reply>(_ change: (inout Wrapped) -> Reply) -> Reply? {
        guard var value = take() else { return nil }
        defer { self = value }
        return change(&value)
    }
}
