// Watches a run and checks it against the contract. It knows the true state, and asks a tracker only
// whether it has an answer.

@testable import StatusCore

/// The invariants of spec section 4, checked after every step.
struct Judge {
    let policy: TrackerPolicy
    let ids: [ActionID]
    /// The first violation.
    private(set) var violation: Violation?

    private var arrivals: [Arrival] = []
    private(set) var held: [CallerID: Held] = [:]
    private var seen: [Viewpoint: Int] = [:]
    /// When the upstream reported the final state that a process knows.
    private var finished: [Viewpoint: Instant] = [:]
    private var flying: Set<Viewpoint> = []
    private var pauses: [Upstream: Instant] = [:]
    /// On the store's clock, from completions that took effect.
    private var sharedPauses: [Source: Instant] = [:]
    private var callsLeft: [Upstream: (calls: Int, until: Instant)] = [:]
    private var callsUnderWay: [Upstream: Int] = [:]
    private var refusals: [Upstream: Int] = [:]
    var healths: [Upstream: HeardHealth] = [:]
    /// Refreshes that have started and may still make their call.
    var startedFlights: [Upstream: Set<UInt64>] = [:]
    /// Queued refreshes with waiting callers that were passed over.
    var passedOver: [Viewpoint: PassedOver] = [:]
    /// When an id of a batch last had its turn, unless an unknown id requested alone has had one since.
    var togetherTurns: [Upstream: Instant] = [:]
    var callCounts: [Viewpoint: Int] = [:]
    private var interest: [Interest: Instant] = [:]
    /// States known before may be lost everywhere.
    private var mayForget = false
    private var hasForgotten = false
    private var dayCountsFrom = Instant.distantPast
    /// When each state of an action was first reported to a process, when the store first had it, and
    /// when an upstream last reported it.
    private var firstAnswered: [EntryKey: [Int: Instant]] = [:]
    private var firstKept: [EntryKey: [Int: Instant]] = [:]
    private var lastAnswered: [EntryKey: [Int: Instant]] = [:]
    private var ageUnknown: Set<EntryKey> = []
    private var areAgesLost = false
    /// Ids of which some upstream has reported a state.
    private var everAnswered: Set<ActionID> = []
    /// Until when the store last failed a process, or was slow.
    private var storeFailedUntil: [Int: Instant] = [:]
    /// When the wall clock of the store's machine was last set.
    private var wallSteppedAt: Instant?
    /// Whether there are no faults, so that every state is everywhere within a second.
    private let isCalm: Bool
    private(set) var replies = 0
    private(set) var explanations = 0
    /// Reasons that all ways of asking, and the published answer, have reported at one instant.
    private(set) var reasonsCompared: Set<StaleReason> = []

    var calls: Int { arrivals.count }

    struct Violation: Error, Equatable {
        var at: Instant
        var rule: Rule
        var text: String
    }

    enum Rule: String, CaseIterable {
        case spacing, minuteBudget, dayBudget, unknownShare, unknownDayShare, singleFlight
        case finishedAskedAgain
        case calledWhilePaused, grantedWhilePaused, calledBeyondLimit, calledWithoutInterest,
            regressed
        case heldTooLong, heldTooLongForRefresh, repliedTwice, neverReplied
        case regressedElsewhere, connectionsRefused, tooYoung, explainedWrongly
        case credentialNotRefused, finishedAskedAgainElsewhere, neverRecovered, tooBusy
        case calledWhileResting, probedTwice, restedWithoutReason, heldAfterNews
        case waitingPassedOver, olderPassedOver, singlePassedOver, starved, waysDisagree
        case notFoundShare, holderShare, spelledAnew
    }

    private struct Arrival {
        var key: EntryKey
        var at: Instant
        var share: Share
    }

    /// One action at one upstream, as one life of a process sees it.
    struct Viewpoint: Hashable {
        var replica: Int
        var life: Int
        var key: EntryKey
    }

    /// An upstream, as one life of a process sees it.
    struct Upstream: Hashable {
        var replica: Int
        var life: Int
        var source: Source
    }

    private struct Interest: Hashable {
        var replica: Int
        var id: ActionID
    }

    struct Held {
        var replica: Int
        var question: Question
        /// On the process's clock, and without the time that it was stopped.
        var limit: Instant
        var rule: Rule
        var timePaused: Duration
    }

    init(_ scenario: Scenario) {
        policy = scenario.policy
        ids = scenario.ids
        isCalm = scenario.isCalm
    }

    mutating func accuse(_ rule: Rule, _ at: Instant, _ text: @autoclosure () -> String) {
        guard violation == nil else { return }
        violation = Violation(at: at, rule: rule, text: text())
    }
}

// MARK: - What the upstream sees

extension Judge {
    /// A request has reached an upstream, at a true time.
    mutating func arrived(_ key: EntryKey, _ granted: Share, at now: Instant) {
        // The store may have forgotten known ids; it cannot know those of which no state was reported.
        var share = granted
        share.wasUnknown = granted.wasUnknown || !everAnswered.contains(key.id)
        checkSpelling(key, now)
        arrivals.append(Arrival(key: key, at: now, share: share))
        guard let limits = policy.sources[key.source] else { return }
        checkSpacing(key, limits, now)
        let budget = limits.budget
        let minute = now - .seconds(60)
        check(.minuteBudget, key.source, since: minute, most: budget.perMinute, now)
        checkShares(.unknownShare, key.source, share, since: minute, of: budget.perMinute, now)
        guard let perDay = budget.perDay else { return }
        let day = max(dayCountsFrom, now - .seconds(86_400))
        check(.dayBudget, key.source, since: day, most: perDay, now)
        checkShares(.unknownDayShare, key.source, share, since: day, of: perDay, now)
    }

    private mutating func checkShares(
        _ rule: Rule, _ source: Source, _ share: Share, since: Instant, of limit: Int,
        _ now: Instant
    ) {
        guard share.wasUnknown else { return }
        let unknown = BudgetLimits.unknownShare(of: limit)
        let part = BudgetLimits.shareOfUnknown(unknown)
        check(rule, source, since: since, most: unknown, now) { $0.wasUnknown }
        if share.wasNotFound {
            check(.notFoundShare, source, since: since, most: part, now) { $0.wasNotFound }
        }
        if let holder = share.holder {
            check(.holderShare, source, since: since, most: part, now) { $0.holder == holder }
        }
    }

    /// While nothing gets lost, the upstream always gets the spelling that was requested first.
    private mutating func checkSpelling(_ key: EntryKey, _ now: Instant) {
        guard isCalm, let before = arrivals.last(where: { $0.key == key }),
            before.key.id.text != key.id.text,
            // Later the store may have forgotten the action and its spelling.
            now - before.at < min(policy.staleMax, policy.terminalTTL)
        else { return }
        accuse(.spelledAnew, now, "\(key.id), before \(before.key.id)")
    }

    private mutating func checkSpacing(_ key: EntryKey, _ limits: SourcePolicy, _ now: Instant) {
        guard let before = arrivals.dropLast().last(where: { $0.key == key }) else { return }
        let gap = now - before.at
        if gap < limits.minInterval {
            accuse(.spacing, now, "\(key) again after \(gap), not \(limits.minInterval)")
        }
    }

    private mutating func check(
        _ rule: Rule, _ source: Source, since: Instant, most: Int, _ now: Instant,
        _ counts: (Share) -> Bool = { _ in true }
    ) {
        var count = 0
        for arrival in arrivals.reversed() {
            guard arrival.at > since else { break }
            guard arrival.key.source == source else { continue }
            if counts(arrival.share) { count += 1 }
        }
        if count > most { accuse(rule, now, "\(source): \(count) calls, allowed \(most)") }
    }

    /// The store has lost its counts, so the day's budget starts again. Processes with room for all
    /// actions in memory still know their states.
    mutating func storeForgot(_ now: Instant) {
        // A call granted before may still be in flight.
        let flights = policy.configured.compactMap { policy.sources[$0]?.flightMax }
        dayCountsFrom = now + (flights.max() ?? .zero)
        sharedPauses = [:]
        firstKept = [:]
        hasForgotten = true
        if policy.actionsMax < Self.actionsMany { mayForget = true }
    }

    /// The store has learned that an upstream must not be called until then, on its clock.
    mutating func paused(_ source: Source, until end: Instant) {
        sharedPauses[source] = max(sharedPauses[source] ?? .distantPast, end)
    }

    /// The store grants a call, at a time on its clock.
    mutating func granted(_ key: EntryKey, atStore time: Instant, at now: Instant) {
        if let end = sharedPauses[key.source], time < end {
            accuse(.grantedWhilePaused, now, "\(key) \(end - time) too early")
        }
    }

    /// An explanation causes no call, and promises none before it is allowed.
    mutating func explained(_ replica: Replica, _ explanation: Explanation, at now: Instant) {
        explanations += 1
        for view in explanation.sources where view.answer?.isDone == true {
            if view.nextCallAt != nil { accuse(.explainedWrongly, now, "\(explanation)") }
        }
    }

    /// All ways of asking report the same, unless both upstreams know the id.
    mutating func checkAgreement(_ replica: Replica, _ id: ActionID, at now: Instant) {
        guard replica.isUp, replica.pausedUntil <= now, !replica.knowsTwice(id) else { return }
        let ways = replica.reasons(id, at: now)
        guard let first = ways.first else { return }
        if ways.contains(where: { $0.reason != first.reason }) {
            accuse(.waysDisagree, now, "\(id) at \(replica.index): \(ways)")
        }
        if let reason = first.reason, ways.count > ActionTracker.ways.count {
            reasonsCompared.insert(reason)
        }
    }

    /// More actions than a run has.
    static let actionsMany = 100
}

// MARK: - What a process does

extension Judge {
    func view(_ replica: Replica, _ key: EntryKey) -> Viewpoint {
        Viewpoint(replica: replica.index, life: replica.life, key: key)
    }

    func upstream(_ replica: Replica, _ source: Source) -> Upstream {
        Upstream(replica: replica.index, life: replica.life, source: source)
    }

    /// A process starts a call, at a true time.
    mutating func called(_ replica: Replica, _ key: EntryKey, at now: Instant) {
        let view = view(replica, key)
        if !flying.insert(view).inserted { accuse(.singleFlight, now, "\(key) twice at once") }
        if let end = finished[view], now < end + finishedSpan, !mayForget {
            accuse(.finishedAskedAgain, now, "\(key)")
        }
        let local = replica.clock.shows(now)
        let upstream = upstream(replica, key.source)
        checkPause(replica, key, now)
        if let left = callsLeft[upstream], local < left.until {
            if left.calls <= 0 { accuse(.calledBeyondLimit, now, "\(key)") }
            callsLeft[upstream]?.calls -= 1
        }
        callsUnderWay[upstream, default: 0] += 1
        callCounts[view, default: 0] += 1
        checkRest(replica, key, now)
        checkInterest(replica, key, now)
    }

    /// A process sends a request, at a true time.
    mutating func sent(_ replica: Replica, _ key: EntryKey, at now: Instant) {
        checkPause(replica, key, now)
    }

    private mutating func checkPause(_ replica: Replica, _ key: EntryKey, _ now: Instant) {
        let local = replica.clock.shows(now)
        if let end = pauses[upstream(replica, key.source)], local < end {
            accuse(.calledWhilePaused, now, "\(key) \(end - local) too early")
        }
    }

    private mutating func checkInterest(_ replica: Replica, _ key: EntryKey, _ now: Instant) {
        if held.values.contains(where: { $0.replica == replica.index && $0.question.id == key.id })
        {
            return
        }
        guard let limits = policy.sources[key.source] else { return }
        let asked = interest[Interest(replica: replica.index, id: key.id)] ?? .distantPast
        let most = limits.maxInterval + .seconds(30)
        if replica.clock.shows(now) - asked - replica.timePaused > most {
            accuse(.calledWithoutInterest, now, "\(key) was asked for long ago")
        }
    }

    /// A process has learned its call's outcome.
    mutating func ended(_ replica: Replica, _ key: EntryKey, _ report: CallReport, at now: Instant)
    {
        flying.remove(view(replica, key))
        let upstream = upstream(replica, key.source)
        callsUnderWay[upstream, default: 0] -= 1
        // Such an action keeps its place in the queue, since nothing was sent.
        if report.outcome.fault?.kind.leavesSlotUnused == true {
            callCounts[view(replica, key), default: 0] -= 1
        }
        let local = replica.clock.shows(now)
        healths[upstream, default: HeardHealth()].ended(key, report.outcome, at: local)
        if case .answered = report.outcome { stateCame(replica, key, at: local) }
        let isThrottled = report.outcome.fault?.kind == .throttled
        if report.outcome.fault?.kind == .unauthorized { refusals[upstream, default: 0] += 1 }
        if let left = report.hints.remaining {
            let until = local + (report.hints.remainingFor ?? .seconds(60))
            callsLeft[upstream] = (left - callsUnderWay[upstream, default: 0], until)
        }
        if isThrottled || report.hints.remaining == 0 {
            let reported = report.hints.retryAfter ?? .seconds(60)
            let span = report.hints.isCycleLimit ? max(reported, .seconds(900)) : reported
            pauses[upstream] = max(pauses[upstream] ?? .distantPast, local + span)
        }
    }

    mutating func refused(_ replica: Replica, _ source: Source) {
        refusals[upstream(replica, source), default: 0] -= 1
    }

    /// After every step: a token that an upstream answered with 401 has been discarded.
    mutating func checkRefusals(_ replica: Replica, at now: Instant) {
        for source in policy.configured
        where refusals[upstream(replica, source), default: 0] != 0 {
            accuse(.credentialNotRefused, now, "\(source)")
        }
    }

    /// A process's reply, or its published answer, to a caller.
    mutating func reported(_ replica: Replica, _ id: ActionID, _ answer: Answer, at now: Instant) {
        let key = EntryKey(answer.document.source, id)
        let view = view(replica, key)
        let revision = Int(String(decoding: answer.document.bytes, as: UTF8.self)) ?? 0
        if let before = seen[view], revision < before, !mayForget {
            accuse(.regressed, now, "\(key) from \(before) to \(revision)")
        }
        seen[view] = revision
        if answer.document.isDone {
            // The upstream may have reported it to another process since.
            let known = replica.clock.time(showing: answer.answeredAt)
            let end = min(lastAnswered[key]?[revision] ?? now, known)
            finished[view] = min(finished[view] ?? end, end)
        }
        checkElsewhere(replica, key, revision, now)
        checkAge(replica, key, revision, answer, now)
    }

    /// How long a final state is certainly kept. A process that has lost the age from the store uses
    /// the wall clocks, which may have been set ahead.
    private var finishedSpan: Duration {
        let slack = hasForgotten ? .hour * 3 : DriftingClock.tolerance(policy.terminalTTL) * 2
        return policy.terminalTTL - slack
    }

    /// What one process has reported, the others report within a second, while the store answers them
    /// and they are not stopped. A state that the store does not have reaches no other process.
    static let spreadMax = Duration.seconds(1)

    mutating func kept(_ completion: Completion, at now: Instant) {
        guard case .answer(let document, _) = completion.observation,
            let revision = Int(String(decoding: document.bytes, as: UTF8.self))
        else { return }
        let before = firstKept[completion.key]?[revision]
        firstKept[completion.key, default: [:]][revision] = before ?? now
    }

    mutating func storeFailed(_ replica: Replica, until end: Instant) {
        storeFailedUntil[replica.index] = max(storeFailedUntil[replica.index] ?? end, end)
    }

    private mutating func checkElsewhere(
        _ replica: Replica, _ key: EntryKey, _ revision: Int, _ now: Instant
    ) {
        if firstAnswered[key]?[revision] == nil { firstAnswered[key, default: [:]][revision] = now }
        let ableSince = max(replica.pausedUntil, storeFailedUntil[replica.index] ?? .distantPast)
        for (newer, answeredAt) in firstAnswered[key] ?? [:] where newer > revision {
            guard let keptAt = firstKept[key]?[newer], !looksOld(replica, key, newer) else {
                continue
            }
            let known = now - max(answeredAt, keptAt, ableSince)
            guard known > Self.spreadMax else { continue }
            accuse(
                .regressedElsewhere, now,
                "\(key): \(replica.index) answers \(revision), \(newer) known for \(known)")
        }
    }

    /// The store's wall clock stepped between the state and the look-ups that it caused: the state
    /// looks as old as the step is wide, until there is a newer one.
    private func looksOld(_ replica: Replica, _ key: EntryKey, _ revision: Int) -> Bool {
        guard let wallSteppedAt, let answered = lastAnswered[key]?[revision] else { return false }
        // What was under way when a database's clock stepped may be completed in the time from before.
        let flights = policy.configured.compactMap { policy.sources[$0]?.flightMax }
        let since = answered - wallSteppedAt
        if areAgesLost, since >= .zero, since < flights.max() ?? .zero { return true }
        guard wallSteppedAt >= answered else { return false }
        // A stopped process looks it up when it goes on.
        return wallSteppedAt - answered < Self.spreadMax
            || replica.pausedFrom <= answered && wallSteppedAt < replica.pausedUntil
    }

    mutating func wallStepped(at now: Instant) { wallSteppedAt = now }

    /// An upstream has answered with a state, and the answer reaches its process at that time.
    mutating func answered(_ key: EntryKey, _ revision: Int?, at time: Instant) {
        guard let revision else { return }
        let before = lastAnswered[key]?[revision] ?? .distantPast
        lastAnswered[key, default: [:]][revision] = max(before, time)
        everAnswered.insert(key.id)
    }

    /// A process was stopped while it had a completion: its spans do not include that time.
    mutating func completedLate(_ completion: Completion) {
        ageUnknown.insert(completion.key)
    }

    /// A database's clock has stepped: no process can know how much time has passed.
    mutating func agesLost() { areAgesLost = true }

    /// An age is never understated, except by the difference of clocks.
    private mutating func checkAge(
        _ replica: Replica, _ key: EntryKey, _ revision: Int, _ answer: Answer, _ now: Instant
    ) {
        guard let answered = lastAnswered[key]?[revision], !ageUnknown.contains(key), !areAgesLost
        else {
            return
        }
        let slack = DriftingClock.tolerance(now - answered) * 2 + .milliseconds(1)
        let early = answer.answeredAt - replica.clock.shows(answered) - slack
        if early > .zero { accuse(.tooYoung, now, "\(key) \(revision) by \(early)") }
    }
}

// MARK: - Callers

extension Judge {
    mutating func asked(
        _ replica: Replica, _ caller: CallerID, _ question: Question, at now: Instant
    ) {
        let local = replica.clock.shows(now)
        interest[Interest(replica: replica.index, id: question.id)] = local - replica.timePaused
        var rule = Rule.heldTooLong
        // A slow look-up leaves a moment for the refresh that it makes due.
        var limit = local + coldWait(question) + policy.refreshWait
        switch question.patience {
        case .none:
            if replica.hasAnswer(question, at: now) {
                rule = .heldTooLongForRefresh
                limit = local + policy.refreshWait
            }
        case .done(let deadline), .change(_, let deadline), .update(_, _, let deadline):
            limit =
                replica.hasAnswer(question, at: now) ? deadline : max(limit, deadline)
        }
        held[caller] = Held(
            replica: replica.index, question: question, limit: limit, rule: rule,
            timePaused: replica.timePaused)
    }

    /// The longest that a request without a wait is held: for a call, but not for a slow store, nor for
    /// an upstream that was not requested.
    private func coldWait(_ question: Question) -> Duration {
        let asked = question.source.map { [$0] } ?? policy.configured
        let deadlines = asked.compactMap { policy.sources[$0]?.callDeadline }
        return (deadlines.max() ?? .zero) + GateTiming.sendWindow + GateTiming.margin
    }

    /// One upstream has reported a state: a caller held for it waits for the other one's answer no
    /// longer than the store may take to complete.
    private mutating func stateCame(_ replica: Replica, _ key: EntryKey, at local: Instant) {
        for (caller, asker) in held where asker.replica == replica.index {
            let question = asker.question
            guard question.id == key.id, question.source ?? key.source == key.source,
                question.patience == .none
            else { continue }
            let limit = local + Self.changeWait
            guard limit < asker.limit + replica.timePaused - asker.timePaused else { continue }
            held[caller]?.limit = limit
            held[caller]?.timePaused = replica.timePaused
            held[caller]?.rule = .heldAfterNews
        }
    }

    private static let changeWait = Duration.milliseconds(500 + 250)

    /// How late a process may wake.
    static let lateness = Duration.milliseconds(250)

    mutating func replied(_ replica: Replica, _ caller: CallerID, _ reply: Reply, at now: Instant) {
        replies += 1
        guard let asker = held.removeValue(forKey: caller) else {
            return accuse(.repliedTwice, now, "\(caller)")
        }
        noteInterest(replica, asker, now)
        let paused = replica.timePaused - asker.timePaused
        var late = replica.clock.shows(now) - asker.limit - paused - Self.lateness
        // A state that has grown old while the process was stopped is awaited again.
        if asker.rule == .heldAfterNews, paused > .zero { late -= policy.refreshWait }
        if late > .zero {
            accuse(asker.rule, now, "\(asker.question) by \(late) more than allowed")
        }
        checkRestTold(replica, reply)
        switch reply {
        case .answer(let answer): reported(replica, asker.question.id, answer, at: now)
        case .problem(let problem):
            if isCalm { checkTurnedAway(replica, asker, problem, now) }
        }
    }

    /// A caller who requests an action that another process is calling for gets that answer.
    private mutating func checkTurnedAway(
        _ replica: Replica, _ asker: Held, _ problem: Problem, _ now: Instant
    ) {
        guard replica.clock.shows(now) < asker.limit else { return }
        for report in problem.sources where report.outcome == BlockReason.gate.word {
            let key = EntryKey(report.source, asker.question.id)
            if flying.contains(where: { $0.key == key && $0.replica != replica.index }) {
                accuse(
                    .connectionsRefused, now, "\(asker.question) while it is asked for elsewhere")
            }
        }
    }

    /// A waiting caller is answered immediately when the process is about to stop.
    mutating func drained(_ replica: Replica, at now: Instant) {
        for (caller, asker) in held
        where asker.replica == replica.index && replica.hasAnswer(asker.question, at: now) {
            let soon = replica.clock.shows(now) + policy.refreshWait
            held[caller]?.limit = min(asker.limit, soon)
        }
    }

    mutating func left(_ replica: Replica, _ caller: CallerID, at now: Instant) {
        guard let asker = held.removeValue(forKey: caller) else { return }
        noteInterest(replica, asker, now)
    }

    private mutating func noteInterest(_ replica: Replica, _ asker: Held, _ now: Instant) {
        interest[Interest(replica: replica.index, id: asker.question.id)] =
            replica.clock.shows(now) - replica.timePaused
    }

    /// A crash ends the process's callers and calls.
    mutating func crashed(_ replica: Replica) {
        held = held.filter { $0.value.replica != replica.index }
        interest = interest.filter { $0.key.replica != replica.index }
    }

    mutating func isHeld(_ caller: CallerID) -> Bool { held[caller] != nil }

    mutating func checkNobodyIsHeld(at now: Instant) {
        if let (caller, asker) = held.first {
            accuse(.neverReplied, now, "\(caller) with \(asker.question)")
        }
    }
}

extension DriftingClock {
    /// The largest error of a clock after a span.
    static func tolerance(_ span: Duration) -> Duration {
        .nanoseconds(span.nanoseconds / 1_000_000 * driftMax)
    }
}
