// A fake store for the tracker's tests: gates and states in a dictionary, with faults set by the test.

@testable import StatusCore

/// Grants a slot whenever the gate is open, unless the test has set another verdict.
struct PaperStore {
    struct Row {
        var opens: Instant
        var token = FencingToken(0)
        var firstSeen: Instant
        var isKnown = false
        var answer: (document: ActionDocument, checkedAt: WallTime, reported: Instant)?
        var negative: (fault: UpstreamFault, repeats: Int, ended: Instant)?
        var notFoundSince: Instant?
    }

    var rows: [EntryKey: Row] = [:]
    /// Used first, in order, whatever the gate's state.
    var verdicts: [ReservationReply.Verdict] = []
    /// The whole budget: one call in that span.
    var grantSpacing: Duration?
    /// Every operation fails without an effect.
    var isDown = false
    /// How many ids can be looked up at once.
    var lookUpMax = Int.max
    var lookedUp: Set<ActionID> = []
    /// Only completions fail.
    var refusesCompletions = false
    var completions: [Completion] = []
    /// Whether each reservation asked for other processes' breakers.
    var heeds: [Bool] = []
    var reservations: Int { heeds.count }
    /// The caller of each of them.
    var holders: [String?] = []
    /// The gap to the previous call that it reports.
    var gap: Duration?
    private var tokens: Int64 = 0
    private var grantedAt = Instant.distantPast

    static let failure = StoreFailure.unavailable("the paper is lost")

    mutating func lookUp(
        _ ids: [ActionID], _ now: Instant
    ) -> Result<[EntryRecord], StoreFailure> {
        guard !isDown, ids.count <= lookUpMax else { return .failure(Self.failure) }
        lookedUp.formUnion(ids)
        let keys = ids.flatMap { id in
            rows.keys.filter { $0.id == id }.sorted { $0.source < $1.source }
        }
        return .success(keys.map { record($0, now) })
    }

    mutating func lookUp(
        _ ids: [ActionID], orReserve requests: [Reservation], _ now: Instant
    ) -> Result<LookUpReply, StoreFailure> {
        lookUp(ids, now).map { records in
            var reply = LookUpReply(records)
            guard records.isEmpty else { return reply }
            for request in requests {
                reply.reservations[request.key.source] = try? reserve(request, now).get()
            }
            return reply
        }
    }

    mutating func reserve(
        _ request: Reservation, _ now: Instant
    ) -> Result<ReservationReply, StoreFailure> {
        guard !isDown else { return .failure(Self.failure) }
        heeds.append(request.heedsBreaker)
        holders.append(request.holder)
        let left = BudgetLeft(minute: request.budget.perMinute, day: request.budget.perDay)
        let spelling = rows.index(forKey: request.key).map { rows[$0].key.id }
        return .success(
            ReservationReply(
                verdict: verdict(request, now), budgetLeft: left, spelling: spelling))
    }

    private mutating func verdict(
        _ request: Reservation, _ now: Instant
    ) -> ReservationReply.Verdict {
        if !verdicts.isEmpty { return verdicts.removeFirst() }
        var row = rows[request.key] ?? Row(opens: now, firstSeen: now)
        guard row.opens <= now else { return .gateShut(record(request.key, now)) }
        if let grantSpacing, now < grantedAt + grantSpacing {
            return .budgetSpent(opensIn: grantedAt + grantSpacing - now, .minute)
        }
        grantedAt = now
        tokens += 1
        row.token = FencingToken(tokens)
        row.opens = now + request.hold
        rows[request.key] = row
        return .granted(row.token)
    }

    mutating func complete(
        _ completion: Completion, _ now: Instant
    ) -> Result<CompletionReply, StoreFailure> {
        guard !isDown, !refusesCompletions else { return .failure(Self.failure) }
        completions.append(completion)
        var row = rows[completion.key] ?? Row(opens: now, firstSeen: now)
        if case .opens(let span) = completion.gate { row.opens = now + span }
        switch completion.observation {
        case .answer(let document, let checkedAt):
            let reported = now - completion.answeredAgo
            if reported >= row.answer?.reported ?? .distantPast {
                row.answer = (document, checkedAt, reported)
            }
            row.negative = nil
            row.notFoundSince = nil
            row.isKnown = true
        case .negative(let negative):
            row.negative = (negative.fault, negative.repeats, now - negative.age)
            if negative.fault.kind == .notFound { row.notFoundSince = row.notFoundSince ?? now }
        case .none: break
        }
        rows[completion.key] = row
        return .success(
            CompletionReply(record: record(completion.key, now), gap: gap, smallestGap: gap))
    }

    func record(_ key: EntryKey, _ now: Instant) -> EntryRecord {
        let row = rows[key] ?? Row(opens: now, firstSeen: now)
        return EntryRecord(
            // Spelled as it was first kept.
            key: rows.index(forKey: key).map { rows.keys[$0] } ?? key, opensIn: row.opens - now,
            firstSeenAgo: now - row.firstSeen,
            isKnown: row.isKnown,
            answer: row.answer.map {
                KeptAnswer(document: $0.document, checkedAt: $0.checkedAt, age: now - $0.reported)
            },
            negative: row.negative.map {
                KeptNegativeResult(fault: $0.fault, repeats: $0.repeats, age: now - $0.ended)
            }, notFoundAgo: row.notFoundSince.map { now - $0 })
    }
}
