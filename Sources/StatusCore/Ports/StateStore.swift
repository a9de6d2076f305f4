// The port to the store: its operations, and its guarantees.
//
// The store has its own clock, which is not visible outside: durations in replies count from the
// store's "now" during the operation, durations in requests count back from the time of the
// request. On a later local clock, "opens in" is therefore never too early.

/// One action at one upstream, which has its own gate.
public struct EntryKey: Hashable, Sendable {
    public var source: Source
    public var id: ActionID

    public init(_ source: Source, _ id: ActionID) {
        self.source = source
        self.id = id
    }
}

/// Stores gates, budgets, pauses and answers, so that they survive crashes and restarts.
///
/// Every method returns at once; `reply` is called exactly once, on the store's own queue.
/// Operations of one store object are carried out in the order of the calls.
public protocol StateStore: Sendable {
    /// Replies with what is kept of some actions, one record for each source that has been asked. If that
    /// is nothing at all, carries out these reservations in the same atomic and durable step; they are of
    /// the one action that is looked up, each at another source.
    func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation],
        reply: @escaping @Sendable (Result<LookUpReply, StoreFailure>) -> Void)

    /// Takes a call from the budget and the action's slot, in one atomic and durable step, or
    /// replies why not. A grant survives a crash: until completion the gate stays shut for `hold`.
    func reserve(
        _ request: Reservation,
        reply: @escaping @Sendable (Result<ReservationReply, StoreFailure>) -> Void)

    /// Records how a granted call ended. Only the slot's last owner moves the gate; a completion by
    /// an older owner is only counted.
    func complete(
        _ completion: Completion,
        reply: @escaping @Sendable (Result<CompletionReply, StoreFailure>) -> Void)

    /// Registers the configured sources, and replies with the smallest gap that each source has
    /// ever had. A source that is new to the store starts paused for its duration, since it may be
    /// the new name of another. Must be called before any reservation.
    func register(
        _ sources: [Source: Duration],
        reply: @escaping @Sendable (Result<[Source: Duration], StoreFailure>) -> Void)

    /// Deletes what is no longer needed: finished answers after `terminalTTL`, others after
    /// `staleMax`, gates and counted calls that can no longer matter. Never deletes a gate that
    /// could still be shut.
    func purge(
        _ retention: Retention,
        reply: @escaping @Sendable (Result<Int, StoreFailure>) -> Void)

    /// Calls `onChange` with changes by other processes, on the store's own queue, from now until the
    /// store is closed. Must be called once, before anything else. As long as the store answers,
    /// each change is reported within half a second, even if notifications are lost.
    func listen(_ onChange: @escaping @Sendable (ChangeNotification) -> Void)

    /// Closes the store after the pending operations; `reply` comes last.
    func close(reply: @escaping @Sendable () -> Void)
}

extension StateStore {
    /// A store that is not shared reports no changes.
    public func listen(_ onChange: @escaping @Sendable (ChangeNotification) -> Void) {}

    /// Replies with what is kept of some actions, and reserves nothing.
    public func lookUp(
        _ ids: [ActionID],
        reply: @escaping @Sendable (Result<[EntryRecord], StoreFailure>) -> Void
    ) {
        lookUp(ids, orReserve: []) { reply($0.map(\.records)) }
    }
}

/// A change by another process of a shared store. It is a hint: it can arrive twice and, while the
/// store does not answer, late or never.
public enum ChangeNotification: Sendable, Equatable {
    /// Another process completed a call of it: look it up again.
    case changed(ActionID)
    /// Changes may have been missed: re-read everything in use.
    case missed
}

/// How long records are kept.
public struct Retention: Sendable, Equatable {
    public var terminalTTL: Duration
    public var staleMax: Duration
    /// For misses, and gates without an answer.
    public var negativeMax: Duration

    public init(terminalTTL: Duration, staleMax: Duration, negativeMax: Duration) {
        self.terminalTTL = terminalTTL
        self.staleMax = staleMax
        self.negativeMax = negativeMax
    }
}

/// Why a store operation failed. It had no effect, or its effect is unknown.
public enum StoreFailure: Error, Sendable, Equatable {
    /// The store cannot be reached, is full, locked, broken or gone; the text is for operators.
    case unavailable(String)
    /// The store was closed.
    case closed
}
