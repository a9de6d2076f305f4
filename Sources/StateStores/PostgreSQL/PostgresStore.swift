// The store in a PostgreSQL database, shared by all replicas: operations come in, replies go out
// when the server has committed.

internal import Dispatch
public import StatusCore

/// Keeps gates, budgets and answers for several replicas, on the database's clock.
///
/// One pipelined connection carries everything but notifications. No method and no queue of the
/// caller waits for the database: an operation that is not answered in time fails, and a late
/// answer is discarded. Decisions are made here, by `StoreRules`; the store also detects that the
/// database was promoted, set back or wiped, or that its clock was stepped.
///
/// `@unchecked Sendable`: `clock` is immutable and itself `Sendable`; `session` is touched only in
/// blocks of `queue`, which is serial.
public final class PostgresStore: StateStore, @unchecked Sendable {
    let queue = DispatchQueue(label: "status-proxy.postgres-store")
    let session: PostgresSession
    private let clock: StoreClock

    /// Begins to connect, and never fails: connecting is repeated until it succeeds. `report` gets
    /// lines for operators, `watch` each change of the store's condition, `watchNotifications`
    /// events of notifications; all on the store's queue.
    public convenience init(
        url: PostgresURL, clock: StoreClock = .system,
        report: @escaping @Sendable (String) -> Void = { _ in },
        watch: @escaping @Sendable (StoreCondition) -> Void = { _ in },
        watchNotifications: @escaping @Sendable (NotificationEvent) -> Void = { _ in }
    ) {
        self.init(
            url: url, clock: clock, limits: PostgresLimits(), report: report, watch: watch,
            watchNotifications: watchNotifications)
    }

    init(
        url: PostgresURL, clock: StoreClock, limits: PostgresLimits,
        report: @escaping @Sendable (String) -> Void = { _ in },
        watch: @escaping @Sendable (StoreCondition) -> Void = { _ in },
        watchNotifications: @escaping @Sendable (NotificationEvent) -> Void = { _ in }
    ) {
        self.clock = clock
        session = PostgresSession(
            url: url, limits: limits, clock: clock, queue: queue, report: report, watch: watch,
            watchNotifications: watchNotifications)
        queue.async { self.session.start() }
    }

    public func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void
    ) {
        post(.lookUp(ids, requests, reply: reply))
    }

    public func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void
    ) {
        post(.reserve(request, reply: reply))
    }

    public func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void
    ) {
        post(.complete(completion, reply: reply))
    }

    public func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void
    ) {
        post(.register(sources, reply: reply))
    }

    /// Goes through the entries in small steps, between which other operations have their turn.
    public func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void
    ) {
        post(.purge(retention, PurgeProgress(), reply: reply))
    }

    public func listen(_ onChange: @escaping @Sendable (ChangeNotification) -> Void) {
        queue.async { self.session.listen(onChange) }
    }

    public func close(reply: @escaping @Sendable () -> Void) {
        queue.async { self.session.close(reply) }
    }

    private func post(_ request: StoreOperation.Request) {
        let operation = StoreOperation(request: request, asked: clock.sinceBoot())
        queue.async { self.session.post(operation) }
    }
}

/// For operators and health checks. The texts are for operators, and contain no secrets.
public enum StoreCondition: Sendable, Equatable {
    case well
    /// No operation can be carried out; the store is being tried again.
    case away(String)
    /// The store can be reached, but cannot be sure of its gates yet: no calls.
    case quarantined(String)
}
