// The store that all replicas share: the stores' own rules over rows that can be copied, wiped and
// set back.

@testable import StateStores
@testable import StatusCore

/// One shared store on its own clock. Every method is one atomic, durable step.
struct SimStore {
    var rows = SimRows()
    let clock: DriftingClock
    let mutant: Mutant?
    /// On the store's clock, when it was last wiped or set back.
    private var noticed: Instant?
    private var snapshots: [MemoryRows] = []
    /// The rows before each of the last writes, latest last; kept when a standby may take over.
    private var history: [MemoryRows] = []
    private let hasStandby: Bool
    /// What a standby can be behind.
    static let lostWritesMax = 5

    init(clock: DriftingClock, hasStandby: Bool, mutant: Mutant?) {
        self.clock = clock
        self.hasStandby = hasStandby
        self.mutant = mutant
        rows.mutant = mutant
    }

    func lookUp(_ id: ActionID, at now: StoreMoment) -> [LookRecord] {
        StoreRules(rows: rows, now: now, asked: now).lookUp(id)
    }

    mutating func reserve(_ request: Reservation, at now: StoreMoment) -> ReservationReply {
        rows.now = now.time
        rows.isReserving = true
        defer { rows.isReserving = false }
        let rules = StoreRules(rows: rows, now: now, asked: now)
        if let opensIn = quarantine(for: request, now.time), mutant != .noQuarantine {
            return rules.quarantine(request, opensIn: opensIn)
        }
        keepHistory()
        return rules.reserve(request)
    }

    mutating func settle(
        _ settlement: Settlement, asked: StoreMoment, at now: StoreMoment
    ) -> SettlementReply {
        rows.now = now.time
        keepHistory()
        if mutant == .oldOwnerMovesGate, let look = rows.base.look(settlement.key) {
            rows.base.moveGate(of: look.key, opens: look.opens, owner: settlement.token)
        }
        var settlement = settlement
        if mutant == .forgottenNewsDropped, rows.base.call(settlement.token) == nil,
            rows.base.look(settlement.key)?.newsToken != nil
        {
            settlement.news = .none
        }
        return StoreRules(rows: rows, now: now, asked: asked).settle(settlement)
    }

    func purge(_ retention: Retention, at now: StoreMoment) -> Int {
        rows.base.purge(retention, at: now.time)
    }

    private func quarantine(for request: Reservation, _ now: Instant) -> Duration? {
        guard let noticed else { return nil }
        let span = mutant == .shortQuarantine ? request.hold : request.quarantine
        let left = noticed + span - now
        return left > .zero ? left : nil
    }

    mutating func keepSnapshot() { snapshots.append(rows.base.copy()) }

    private mutating func keepHistory() {
        guard hasStandby else { return }
        history.append(rows.base.copy())
        if history.count > Self.lostWritesMax { history.removeFirst() }
    }

    mutating func wipe(_ now: Instant) { replace(MemoryRows(), now) }

    mutating func setBack(_ now: Instant, _ random: inout SimRandom) {
        replace(snapshots.isEmpty ? MemoryRows() : random.pick(snapshots).copy(), now)
    }

    /// An asynchronous standby takes over: the last writes, though acknowledged, are lost.
    mutating func failOver(_ now: Instant, lostWrites: Int) {
        let kept = lostWrites > 0 ? history.suffix(lostWrites).first : nil
        history = []
        replace(kept ?? rows.base, now)
    }

    /// Tokens go on: the port promises that they are unique.
    private mutating func replace(_ base: MemoryRows, _ now: Instant) {
        base.skipTokens(past: rows.base.lastToken)
        rows.base = base
        noticed = now
    }
}

/// The memory store's rows, which can be copied and put back, with the faults of mutants.
final class SimRows: StoreRows {
    typealias Failure = Never

    var base = MemoryRows()
    var mutant: Mutant?
    /// The time of the operation, for mutants.
    var now = Instant.distantPast
    /// A reservation is being decided on, for mutants.
    var isReserving = false

    func look(_ key: LookKey) -> KeptLook? {
        guard isReserving, mutant == .finishedGateOpens else { return base.look(key) }
        var look = base.look(key)
        look?.answer = nil
        return look
    }

    func isKnown(_ id: ActionID) -> Bool { mutant == .unknownShareIgnored || base.isKnown(id) }

    func add(_ look: KeptLook) { base.add(look) }

    func moveGate(of key: LookKey, opens: Instant, owner: SlotToken) {
        base.moveGate(of: key, opens: opens, owner: owner)
    }

    func keepNews(of look: KeptLook) { base.keepNews(of: look) }

    func add(_ call: NewCall) -> SlotToken {
        var call = call
        if mutant == .budgetFromStart { call.ends = call.reserved.time }
        return base.add(call)
    }

    func call(_ token: SlotToken) -> KeptCall? { base.call(token) }

    func keepEnd(of call: KeptCall) {
        var call = call
        if mutant == .budgetFromStart { call.ended = call.reserved.time }
        base.keepEnd(of: call)
    }

    func callCount(_ source: Source, endingAfter moment: Instant) -> Int {
        base.callCount(source, endingAfter: moment)
    }

    func callEnd(_ source: Source, rank: Int, of group: CallGroup) -> Instant? {
        let end = base.callEnd(source, rank: rank, of: group)
        switch (mutant, group) {
        case (.notFoundShareIgnored, .notFound), (.holderShareIgnored, .holder): return nil
        default: break
        }
        if mutant == .unknownShareByMinute, group == .unknown, let end {
            return end + BudgetLimits.minuteWindow > now ? end : nil
        }
        guard mutant == .fixedWindows, let end else { return end }
        return inWindow(end) == inWindow(now) ? end : nil
    }

    private func inWindow(_ instant: Instant) -> Int64 { instant.nanoseconds / 60_000_000_000 }

    func source(_ source: Source) -> KeptSource { base.source(source) }

    func keep(_ state: KeptSource, of source: Source) {
        if mutant == .pauseNotShared { return }
        base.keep(state, of: source)
    }
}
