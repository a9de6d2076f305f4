// What is known of one upstream as a whole: what keeps it from being called, and what waits for that.

/// One upstream that is on.
struct UpstreamState: Sendable {
    /// Flights between their start and their grant: few, so that the queue's order counts.
    static let startingMax = 32
    /// Calls on their way at once; the next refresh waits in the queue for one of them to end. Fewer
    /// than a transport takes: one that it refuses costs all of them a second.
    static let callingMax = 1000

    var policy: SourcePolicy
    var queue = RefreshQueue()
    var breaker = Breaker()
    var budgets = SpentBudgets()
    /// What the store said when it was last asked for a call.
    var budget: BudgetOutlook?
    /// The published answers that name the reason why it is not called.
    var published = BlockedPublications()
    /// What operators have been told of.
    var blocks = SourceBlocks()
    /// The wake that is already in the queue.
    var wakeAt = Instant.distantPast

    private var starting = 0
    /// Calls on their way.
    private var calling = 0
    private(set) var pausedUntil = Instant.distantPast
    private var quarantinedUntil = Instant.distantPast
    private var ourTrouble: (fault: UpstreamFault, until: Instant)?
    private var callsLeft: CallsLeft?
    /// After a pause one call goes first, to see whether the upstream has still had enough; after a
    /// shortage of our own, to see whether there is enough for it.
    private var probing: Probing?

    private struct Probing {
        /// Only a flight that began from then on can show it.
        var from: Instant
        /// What there was until then, as far as those know who wait for the flight.
        var reason: BlockReason
        var flight: UInt64?
    }

    init(policy: SourcePolicy) { self.policy = policy }
}

/// Why there is no call, and when that is expected to be over.
struct Blocked: Sendable {
    var reason: BlockReason
    var until: Instant
}

// MARK: - What keeps it from being called

extension UpstreamState {
    /// Why a call cannot be made now: of several reasons, the one that lasts longest.
    func blocked(_ budget: BudgetClass, _ now: Instant) -> Blocked? {
        var found: Blocked?
        func consider(_ reason: BlockReason, _ until: Instant) {
            guard until > now, until > found?.until ?? .distantPast else { return }
            found = Blocked(reason: reason, until: until)
        }
        consider(.paused, pausedUntil)
        consider(.quarantine, quarantinedUntil)
        if let ourTrouble { consider(.ourSide(ourTrouble.fault), ourTrouble.until) }
        if let spent = budgets.blocked(budget) { consider(spent.reason, spent.until) }
        if let callsLeft, callsLeft[budget] <= 0 { consider(.upstreamLimit, callsLeft.until) }
        if case .open(let until) = breaker.state { consider(.breakerOpen, until) }
        return found ?? probe.map { Blocked(reason: $0, until: now + Breaker.firstPause) }
    }

    /// What the call under way is to find out. Its end is not known: what has one counts first, so that
    /// which reason it is does not depend on the moment.
    private var probe: BlockReason? {
        if let probing, probing.flight != nil { return probing.reason }
        if case .halfOpen(.some) = breaker.state { return .breakerOpen }
        return nil
    }

    /// A call is under way that shows whether the upstream has still had enough.
    var isProbingPause: Bool { probing?.flight != nil && probing?.reason == .paused }

    /// Whether the upstream has asked for no calls: that also holds for slots already granted.
    func isLeftAlone(_ budget: BudgetClass, _ now: Instant) -> Bool {
        if pausedUntil > now || quarantinedUntil > now { return true }
        guard let callsLeft, callsLeft.until > now else { return false }
        return callsLeft[budget] <= 0
    }

    /// Returns until when it is paused now.
    mutating func pause(until: Instant) -> Instant {
        pausedUntil = max(pausedUntil, until)
        probing = Probing(from: pausedUntil, reason: .paused)
        return pausedUntil
    }

    mutating func quarantine(until: Instant) { quarantinedUntil = max(quarantinedUntil, until) }

    mutating func ourSideFailed(_ fault: UpstreamFault, until: Instant) {
        ourTrouble = (fault, until)
    }

    /// Who lacked a credential may have one now.
    mutating func credentialReplaced() {
        if ourTrouble?.fault.kind.isOfCredential == true { ourTrouble = nil }
    }

    /// A call found nothing left to be made with. A pause's probe serves as well.
    mutating func ranShort(_ fault: UpstreamFault, until: Instant) {
        ourSideFailed(fault, until: until)
        guard probing?.from ?? .distantPast < until else { return }
        probing = Probing(from: until, reason: .ourSide(fault))
    }

    /// The upstream has said how many calls are left for a time. Calls on their way may not be counted in
    /// it yet.
    mutating func heard(callsLeft left: Int, for span: Duration, now: Instant) {
        callsLeft = CallsLeft(left - calling, until: now + span, after: callsLeft, now: now)
    }
}

// MARK: - Its flights

extension UpstreamState {
    /// So many more flights may start.
    var room: Int {
        guard breaker.allowsCall else { return 0 }
        if breaker.isProbing { return 1 }
        if let probing { return probing.flight == nil ? 1 : 0 }
        return max(0, min(Self.startingMax - starting, Self.callingMax - calling - starting))
    }

    mutating func start(_ item: RefreshQueue.Item, flight: UInt64) {
        queue.start(item)
        starting += 1
        breaker.started(flight: flight)
        if probing?.flight == nil { probing?.flight = flight }
    }

    /// A flight has got its slot, or will not get one.
    mutating func startEnded() { starting -= 1 }

    mutating func granted(_ budget: BudgetClass) {
        calling += 1
        callsLeft?.granted(budget)
    }

    mutating func callEnded() { calling -= 1 }

    /// A call has ended, and the upstream has not asked with it to be left alone.
    mutating func answered(flightFrom startedAt: Instant) {
        if let probing, startedAt >= probing.from { self.probing = nil }
    }

    mutating func ended(_ flight: Flight) {
        queue.ended(from: flight.line)
        breaker.dropped(flight: flight.number)
        if probing?.flight == flight.number { probing?.flight = nil }
    }
}
