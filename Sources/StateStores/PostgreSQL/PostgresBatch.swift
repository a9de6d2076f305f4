// Operations that are decided together: the needed rows, the decisions, and the resulting writes.

import StatusCore

/// Some operations, in order, that are decided on one reading of the store.
struct PostgresBatch {
    var tasks: [PostgresTask]
    /// This process's calls, to find out which of them the store has lost.
    var carried: [CarryOver.Call]?

    var ids: [ActionID] {
        tasks.flatMap { task -> [ActionID] in
            switch task.operation.request {
            case .lookUp(let ids, _, _): ids
            case .reserve(let request, _): request.needed.ids
            case .complete(let completion, _): completion.needed.ids
            case .changes, .register, .purge: []
            }
        }
    }

    /// The ids whose documents are needed before the decision.
    var documentIDs: [ActionID] {
        tasks.flatMap { task -> [ActionID] in
            switch task.operation.request {
            case .lookUp(let ids, _, _): ids
            case .complete, .reserve, .changes, .register, .purge: []
            }
        }
    }

    mutating func giveUp(at now: ContinuousClock.Instant) -> [PostgresTask] {
        var late: [PostgresTask] = []
        for index in tasks.indices
        where tasks[index].deadline <= now && !tasks[index].isGivenUp {
            late.append(tasks[index])
            tasks[index].isGivenUp = true
        }
        return late
    }
}

/// The result of a batch's reading.
struct PostgresFound {
    var state = StoreState()
    /// The carried calls that the store has.
    var calls: Set<FencingToken> = []
}

/// A batch's decisions, before they are written.
struct PostgresDecision {
    enum Outcome {
        case lookedUp(LookUpReply)
        case reserved(ReservationReply)
        case completed(CompletionReply)
        case gaps([Source: Duration])
        /// The operation was given up before, and nothing was decided.
        case none
    }

    /// The row to be written.
    var meta: PostgresMeta
    var now: Instant
    var before: StoreState
    var after: StoreState
    var outcomes: [Outcome] = []

    /// Whether something has to be written.
    func writes(over found: PostgresMeta?) -> Bool {
        meta != found || !after.events.isEmpty || after.entries != before.entries
            || after.sources != before.sources || after.documents != before.documents
    }

    /// The entries whose documents are missing from the replies.
    func missing(for tasks: [PostgresTask]) -> [EntryKey] {
        zip(tasks, outcomes).compactMap { task, outcome in
            switch (task.operation.request, outcome) {
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
    /// Decides the operations in order. `earliest` converts a local time to the store's.
    init(
        _ batch: PostgresBatch, _ found: PostgresFound, _ judgement: PostgresContinuity.Judgement,
        _ memory: PostgresMemory
    ) {
        meta = judgement.meta
        now = judgement.now
        before = found.state
        after = found.state
        after.lastToken = meta.token
        after.lossDetectedAt = meta.lossDetectedAt
        after.barrier = meta.barrier
        if let carried = batch.carried {
            let offset = memory.clock.offset
            let lost = carried.filter { !found.calls.contains($0.granted.token) }
            rules(asked: now).enterAgain(
                lost, memory.carryOver.pauses(at: now, offset: offset), in: &after)
        }
        for task in batch.tasks {
            outcomes.append(outcome(of: task, memory))
        }
        meta.token = after.lastToken
    }

    /// The database's clock is a wall clock, so there is no separate one.
    private func rules(asked: Instant) -> StoreRules {
        let wall = WallTime(milliseconds: 0)
        return StoreRules(
            now: StoreMoment(time: now, wall: wall),
            asked: StoreMoment(time: min(asked, now), wall: wall))
    }

    private mutating func outcome(
        of task: PostgresTask, _ memory: PostgresMemory
    ) -> Outcome {
        guard !task.isGivenUp else { return .none }
        let asked = memory.clock.earliest(at: task.operation.asked) ?? now
        let rules = rules(asked: asked)
        switch task.operation.request {
        case .lookUp(let ids, let requests, _):
            return .lookedUp(rules.lookUp(ids, orReserve: requests, in: &after))
        case .reserve(let request, _): return .reserved(rules.reserve(request, in: &after))
        case .complete(let completion, _):
            return .completed(rules.complete(completion, in: &after))
        case .register(let sources, _): return .gaps(rules.register(sources, in: &after))
        case .changes, .purge: return .none
        }
    }
}
