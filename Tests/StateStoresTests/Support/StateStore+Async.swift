// The port's methods as async functions, for tests.

import StatusCore

extension StateStore {
    func lookUp(_ id: ActionID) async throws -> [EntryRecord] { try await lookUp([id]) }

    func lookUp(_ ids: [ActionID]) async throws -> [EntryRecord] {
        try await withCheckedContinuation { next in lookUp(ids) { next.resume(returning: $0) } }
            .get()
    }

    func lookUp(_ id: ActionID, orReserve requests: [Reservation]) async throws -> LookUpReply {
        try await withCheckedContinuation { next in
            lookUp([id], orReserve: requests) { next.resume(returning: $0) }
        }.get()
    }

    func reserve(_ request: Reservation) async throws -> ReservationReply {
        try await withCheckedContinuation { next in
            reserve(request) { next.resume(returning: $0) }
        }.get()
    }

    @discardableResult
    func complete(_ completion: Completion) async throws -> CompletionReply {
        try await withCheckedContinuation { next in
            complete(completion) { next.resume(returning: $0) }
        }.get()
    }

    /// Registers no source, and so changes nothing.
    func smallestGaps() async throws -> [Source: Duration] { try await register([:]) }

    func register(_ sources: [Source: Duration]) async throws -> [Source: Duration] {
        try await withCheckedContinuation { next in
            register(sources) { next.resume(returning: $0) }
        }
        .get()
    }

    func purge(_ retention: Retention) async throws -> Int {
        try await withCheckedContinuation { next in
            purge(retention) { next.resume(returning: $0) }
        }.get()
    }

    func close() async {
        await withCheckedContinuation { next in close { next.resume() } }
    }

    func verdict(_ request: Reservation) async throws -> ReservationReply.Verdict {
        try await reserve(request).verdict
    }

    /// A token, or an error that names the reply.
    func grant(_ request: Reservation) async throws -> FencingToken {
        let verdict = try await verdict(request)
        guard case .granted(let token) = verdict else { throw NotGranted(verdict: verdict) }
        return token
    }
}

struct NotGranted: Error {
    var verdict: ReservationReply.Verdict
}
