// One requested operation, with its reply; a purge with its progress.

import StatusCore

struct StoreOperation: Sendable {
    var request: Request
    /// The time of the request since boot: durations in it count back from here.
    var asked: Instant

    enum Request: Sendable {
        /// What is kept of them or, if that is nothing, the calls.
        case lookUp([ActionID], [Reservation], reply: Reply<LookUpReply>)
        /// Replies with the actions whose calls other processes have completed since the last
        /// query.
        case changes(reply: Reply<[ActionID]>)
        case reserve(Reservation, reply: Reply<ReservationReply>)
        case complete(Completion, reply: Reply<CompletionReply>)
        case register([Source: Duration], reply: Reply<[Source: Duration]>)
        case purge(Retention, PurgeProgress, reply: Reply<Int>)
    }

    typealias Reply<Value> = @Sendable (Result<Value, StoreFailure>) -> Void

    var writes: Bool {
        switch request {
        case .lookUp(_, let requests, _): !requests.isEmpty
        case .changes: false
        case .register, .reserve, .complete, .purge: true
        }
    }

    /// The same; a look-up only looks up.
    var withoutReservations: StoreOperation {
        guard case .lookUp(let ids, _, let reply) = request else { return self }
        return StoreOperation(request: .lookUp(ids, [], reply: reply), asked: asked)
    }

    func fail(_ failure: StoreFailure) {
        switch request {
        case .lookUp(_, _, let reply): reply(.failure(failure))
        case .changes(let reply): reply(.failure(failure))
        case .reserve(_, let reply): reply(.failure(failure))
        case .complete(_, let reply): reply(.failure(failure))
        case .register(_, let reply): reply(.failure(failure))
        case .purge(_, _, let reply): reply(.failure(failure))
        }
    }
}

/// The progress of a purge. Between its steps other operations have their turn.
struct PurgeProgress: Sendable {
    var stage = Stage.entries(after: Cursor(id: "", source: ""))
    /// The answers, misses, gates and calls deleted so far.
    var dropped = 0

    enum Stage: Sendable {
        case entries(after: Cursor)
        case calls
        case done
    }

    /// An entry's key, by which the purge is ordered.
    struct Cursor: Sendable {
        var id: String
        var source: String
    }
}
