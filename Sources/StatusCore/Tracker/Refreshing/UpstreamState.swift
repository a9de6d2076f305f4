// The state of one upstream as a whole: blocks, and waiting refreshes.

/// One upstream that is on.
struct UpstreamState: Sendable {
    /// The most flights between start and grant: few, so that the queue's order matters.
    static let startingMax = 32
    /// The most calls under way; a further refresh waits in the queue. Fewer than the transport
    /// accepts, since a call that it refuses delays all calls by a second.
    static let callingMax = 1000

    var policy: SourcePolicy
    var queue = RefreshQueue()
    var breaker = Breaker()
    var budgets = SpentBudgets()
    /// The store's report at the last reservation.
    var budget: BudgetOutlook?
    /// The published answers that name its block reason.
    var published = BlockedPublications()
    /// The blocks that have been reported to operators.
    var blocks = SourceBlocks()
    /// The time of the queued wake.
    var wakeAt = Instant.distantPast

    private var starting = 0
    /// The number of calls under way.
    private var calling = 0
    private(set) var pausedUntil = Instant.distantPast
    private var quarantinedUntil = Instant.distantPast
    private var ourTrouble: (fault: UpstreamFault, until: Instant)?
    private var callsLeft: CallsLeft?
    /// After a pause, one call goes first to probe whether the upstream asks for another; after a
    /// resource exhaustion, to probe whether resources are available.
    private var probing: Probing?

    private struct Probing {
        /// Only a flight that began after this time can be the probe.
        var from: Instant
        /// The block reason until then, which also holds for callers that wait for the probe.
        var reason: BlockReason
        var flight: UInt64?
    }

    init(policy: SourcePolicy) { self.policy = policy }
}

/// Why there is no call, and when that is expected to end.
struct Blocked: Sendable {
    var reason: BlockReason
    var until: Instant
}

// MARK: - What keeps it from being called

extension UpstreamState {
    /// Why a call cannot be made now: of several reasons, the longest.
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

    /// The reason that the probe under way checks. Its end is unknown, so reasons with an end come
    /// first, and the result does not depend on the time.
    private var probe: BlockReason? {
        if let probing, probing.flight != nil { return probing.reason }
        if case .halfOpen(.some) = breaker.state { return .breakerOpen }
        return nil
    }

    /// Whether a probe after a pause is under way.
    var isProbingPause: Bool { probing?.flight != nil && probing?.reason == .paused }

    /// Whether the upstream is paused, which also applies to slots already granted.
    func isLeftAlone(_ budget: BudgetClass, _ now: Instant) -> Bool {
        if pausedUntil > now || quarantinedUntil > now { return true }
        guard let callsLeft, callsLeft.until > now else { return false }
        return callsLeft[budget] <= 0
    }

    /// Returns the end of the pause.
    mutating func pause(until: Instant) -> Instant {
        pausedUntil = max(pausedUntil, until)
        probing = Probing(from: pausedUntil, reason: .paused)
        return pausedUntil
    }

    mutating func quarantine(until: Instant) { quarantinedUntil = max(quarantinedUntil, until) }

    mutating func ourSideFailed(_ fault: UpstreamFault, until: Instant) {
        ourTrouble = (fault, until)
    }

    /// A missing credential may be available now.
    mutating func credentialReplaced() {
        if ourTrouble?.fault.kind.isOfCredential == true { ourTrouble = nil }
    }

    /// A call failed for lack of local resources. A probe after a pause serves for this, too.
    mutating func ranShort(_ fault: UpstreamFault, until: Instant) {
        ourSideFailed(fault, until: until)
        guard probing?.from ?? .distantPast < until else { return }
        probing = Probing(from: until, reason: .ourSide(fault))
    }

    /// The upstream has reported the calls left for a time, which may not count calls under way.
    mutating func reported(callsLeft left: Int, for span: Duration, now: Instant) {
        callsLeft = CallsLeft(left - calling, until: now + span, after: callsLeft, now: now)
    }
}

// MARK: - Its flights

extension UpstreamState {
    /// The number of flights that may still start.
    var room: Int {
        guard breaker.allowsCall else { return 0 }
        if breaker.isProbing { return 1 }
        if let probing { return probing.flight == nil ? 1 : 0 }
        return max(0, min(Self.startingMax - starting, Self.callingMax - calling - starting))
    }

    /// A flight may start from that line at once, and is not there to find something out.
    func isFree(_ line: RefreshLine) -> Bool {
        queue.isFree(line) && probing == nil && !breaker.isProbing && room > 0
    }

    mutating func start(_ flight: Flight) {
        queue.started(from: flight.line)
        starting += 1
        breaker.started(flight: flight.number)
        if probing?.flight == nil { probing?.flight = flight.number }
    }

    /// Records that a flight has got its slot, or will not get one.
    mutating func startEnded() { starting -= 1 }

    mutating func granted(_ budget: BudgetClass) {
        calling += 1
        callsLeft?.granted(budget)
    }

    mutating func callEnded() { calling -= 1 }

    /// Records a call's end without a request for a pause.
    mutating func answered(flightFrom startedAt: Instant) {
        if let probing, startedAt >= probing.from { self.probing = nil }
    }

    mutating func ended(_ flight: Flight) {
        queue.ended(from: flight.line)
        breaker.dropped(flight: flight.number)
        if probing?.flight == flight.number { probing?.flight = nil }
    }
}
