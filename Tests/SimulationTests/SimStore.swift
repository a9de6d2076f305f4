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
    private var snapshots: [SimRows.Contents] = []

    init(clock: DriftingClock, mutant: Mutant?) {
        self.clock = clock
        self.mutant = mutant
        rows.mutant = mutant
    }

    func lookUp(_ id: ActionID, at now: StoreMoment) -> [LookRecord] {
        StoreRules(rows: rows, now: now, asked: now).lookUp(id)
    }

    mutating func reserve(_ request: Reservation, at now: StoreMoment) -> ReservationReply {
        rows.now = now.time
        let rules = StoreRules(rows: rows, now: now, asked: now)
        if let opensIn = quarantine(for: request, now.time), mutant != .noQuarantine {
            return rules.quarantine(request, opensIn: opensIn)
        }
        return rules.reserve(request)
    }

    mutating func settle(
        _ settlement: Settlement, asked: StoreMoment, at now: StoreMoment
    ) -> SettlementReply {
        rows.now = now.time
        if mutant == .oldOwnerMovesGate {
            rows.contents.looks[settlement.key]?.token = settlement.token
        }
        return StoreRules(rows: rows, now: now, asked: asked).settle(settlement)
    }

    /// Until earlier grants can matter no more: neither to a gate nor to the minute's budget.
    private func quarantine(for request: Reservation, _ now: Instant) -> Duration? {
        guard let noticed else { return nil }
        let span = max(request.hold, request.flightMax + BudgetLimits.minuteWindow)
        let left = noticed + span - now
        return left > .zero ? left : nil
    }

    mutating func keepSnapshot() { snapshots.append(rows.contents) }

    mutating func wipe(_ now: Instant) { replace(SimRows.Contents(), now) }

    mutating func setBack(_ now: Instant, _ random: inout SimRandom) {
        replace(snapshots.isEmpty ? SimRows.Contents() : random.pick(snapshots), now)
    }

    /// Tokens go on: the port promises that they are unique.
    private mutating func replace(_ contents: SimRows.Contents, _ now: Instant) {
        let lastToken = rows.contents.lastToken
        rows.contents = contents
        rows.contents.lastToken = lastToken
        noticed = now
    }
}

/// Rows in dictionaries, as a value that can be kept and put back.
final class SimRows: StoreRows {
    typealias Failure = Never

    struct Contents {
        var looks: [LookKey: KeptLook] = [:]
        var calls: [SlotToken: KeptCall] = [:]
        var sources: [Source: KeptSource] = [:]
        var lastToken = SlotToken(0)
    }

    var contents = Contents()
    var mutant: Mutant?
    /// The time of the operation, for mutants.
    var now = Instant.distantPast

    func look(_ key: LookKey) -> KeptLook? { contents.looks[key] }

    func isKnown(_ id: ActionID) -> Bool {
        if mutant == .unknownShareIgnored { return true }
        return isReallyKnown(id)
    }

    func isReallyKnown(_ id: ActionID) -> Bool {
        Source.allCases.contains { contents.looks[LookKey($0, id)]?.isKnown == true }
    }

    func add(_ look: KeptLook) { contents.looks[look.key] = look }

    func moveGate(of key: LookKey, opens: Instant, owner: SlotToken) {
        contents.looks[key]?.opens = opens
        contents.looks[key]?.token = owner
    }

    func keepNews(of look: KeptLook) { contents.looks[look.key] = look }

    func add(_ call: NewCall) -> SlotToken {
        let token = SlotToken(contents.lastToken.number + 1)
        contents.lastToken = token
        contents.calls[token] = KeptCall(
            token: token, key: call.key, before: call.before, reserved: call.reserved,
            ended: mutant == .budgetFromStart ? call.reserved.time : call.ends, state: .underWay,
            wasUnknown: call.wasUnknown)
        return token
    }

    func call(_ token: SlotToken) -> KeptCall? { contents.calls[token] }

    func keepEnd(of call: KeptCall) {
        var call = call
        if mutant == .budgetFromStart { call.ended = call.reserved.time }
        contents.calls[call.token] = call
    }

    func callCount(_ source: Source, endingAfter moment: Instant) -> Int {
        contents.calls.values.count { $0.key.source == source && $0.ended > moment }
    }

    func callEnd(_ source: Source, rank: Int, onlyUnknown: Bool) -> Instant? {
        var ends = contents.calls.values.filter {
            $0.key.source == source && (!onlyUnknown || $0.wasUnknown)
        }.map(\.ended)
        if mutant == .fixedWindows { ends = ends.filter { inWindow($0) == inWindow(now) } }
        guard ends.count >= rank else { return nil }
        return ends.sorted()[ends.count - rank]
    }

    private func inWindow(_ instant: Instant) -> Int64 { instant.nanoseconds / 60_000_000_000 }

    func source(_ source: Source) -> KeptSource { contents.sources[source] ?? KeptSource() }

    func keep(_ state: KeptSource, of source: Source) {
        if mutant == .pauseNotShared { return }
        contents.sources[source] = state
    }
}
