// What is decided together: the rows that it needs, what is decided on them, and what is written then.

import StatusCore

/// A few operations, in order, that are decided on one reading of the store.
struct PostgresBatch {
    var errands: [PostgresErrand]
    /// The calls of this process that the store is asked for, if it has lost some.
    var carried: [CarryOver.Call]?

    var ids: [ActionID] {
        errands.flatMap { errand -> [ActionID] in
            switch errand.operation.request {
            case .lookUp(let ids, _): ids
            case .reserve(let request, _): request.needed.ids
            case .complete(let completion, _): completion.needed.ids
            case .changes, .register, .purge: []
            }
        }
    }

    /// Of these the documents are needed before anything is decided.
    var documentIDs: [ActionID] {
        errands.flatMap { errand -> [ActionID] in
            switch errand.operation.request {
            case .lookUp(let ids, _): ids
            case .complete, .reserve, .changes, .register, .purge: []
            }
        }
    }

    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresErrand] {
        var late: [PostgresErrand] = []
        for index in errands.indices
        where errands[index].deadline <= now && !errands[index].isGivenUp {
            late.append(errands[index])
            errands[index].isGivenUp = true
        }
        return late
    }
}

/// What a batch's reading has found.
struct PostgresFound {
    var state = StoreState()
    /// Of the carried calls, those that the store has.
    var calls: Set<FencingToken> = []
}

/// What a batch has come to, before it is written.
struct PostgresDecision {
    enum Outcome {
        case records([EntryRecord])
        case reserved(ReservationReply)
        case completed(CompletionReply)
        case gaps([Source: Duration])
        /// Its asker has been told already, and nothing was decided.
        case none
    }

    /// As it is to be written.
    var meta: PostgresMeta
    var now: Instant
    var before: StoreState
    var after: StoreState
    var outcomes: [Outcome] = []

    /// Something has to be written.
    func writes(over found: PostgresMeta?) -> Bool {
        meta != found || !after.events.isEmpty || after.entries != before.entries
            || after.sources != before.sources || after.documents != before.documents
    }

    /// The entries whose documents are missing from the replies.
    func missing(for errands: [PostgresErrand]) -> [EntryKey] {
        zip(errands, outcomes).compactMap { errand, outcome in
            switch (errand.operation.request, outcome) {
            case (.reserve(let request, _), .reserved(let reply)) where reply.isGateShut:
                after.lacksDocument(request.key) ? request.key : nil
            case (.complete(let completion, _), .completed):
                after.lacksDocument(completion.key) ? completion.key : nil
            default: nil
            }
        }
    }
}

extension PostgresDecision {
    /// Decides one operation after the other. `earliest` tells the store's time at a local one.
    init(
        _ batch: PostgresBatch, _ found: PostgresFound, _ judgement: PostgresContinuity.Judgement,
        _ memory: PostgresMemory
    ) {
        meta = judgement.meta
        now = judgement.now
        before = found.state
        after = found.state
        after.lastToken = meta.token
        after.noticed = meta.noticed
        after.barrier = meta.barrier
        if let carried = batch.carried {
            let offset = memory.clock.offset
            let lost = carried.filter { !found.calls.contains($0.granted.token) }
            rules(asked: now).enterAgain(
                lost, memory.carryOver.pauses(at: now, offset: offset), in: &after)
        }
        for errand in batch.errands {
            outcomes.append(outcome(of: errand, memory))
        }
        meta.token = after.lastToken
    }

    /// The database's clock is a wall clock: there is no other beside it.
    private func rules(asked: Instant) -> StoreRules {
        let wall = WallTime(milliseconds: 0)
        return StoreRules(
            now: StoreMoment(time: now, wall: wall),
            asked: StoreMoment(time: min(asked, now), wall: wall))
    }

    private mutating func outcome(
        of errand: PostgresErrand, _ memory: PostgresMemory
    ) -> Outcome {
        guard !errand.isGivenUp else { return .none }
        let asked = memory.clock.earliest(at: errand.operation.asked) ?? now
        let rules = rules(asked: asked)
        switch errand.operation.request {
        case .lookUp(let ids, _): return .records(ids.flatMap { rules.lookUp($0, in: after) })
        case .reserve(let request, _): return .reserved(rules.reserve(request, in: &after))
        case .complete(let completion, _):
            return .completed(rules.complete(completion, in: &after))
        case .register(let sources, _): return .gaps(rules.register(sources, in: &after))
        case .changes, .purge: return .none
        }
    }
}
