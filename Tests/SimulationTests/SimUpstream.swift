// The true state of both upstreams: which actions exist, in which state, and how calls end.

@testable import StatusCore

/// The true states of the actions, and each upstream's behaviour.
struct SimUpstream {
    private var histories: [EntryKey: History] = [:]
    /// Healthy, unless listed here.
    var moods: [Source: Scenario.Mood] = [:]

    /// An action's states in order; before the first it gives a 404.
    struct History {
        var changes: [(at: Instant, status: ActionStatus)]
    }

    /// What happens to a call.
    enum Treatment {
        case answer
        case fail(UpstreamFault.Kind, RateHints)
        /// The connection dies before the request arrives.
        case resetBefore
        /// The request arrives, and then the connection dies.
        case resetAfter
        /// The request arrives, and no answer comes back.
        case hang
    }

    init(_ scenario: Scenario, _ random: inout SimRandom) {
        for id in scenario.ids {
            for source in scenario.policy.configured
            where isAt(source, id, scenario.policy, &random) {
                histories[EntryKey(source, id)] = History(scenario, &random)
            }
        }
    }

    private func isAt(
        _ source: Source, _ id: ActionID, _ policy: TrackerPolicy, _ random: inout SimRandom
    ) -> Bool {
        func fits(_ source: Source) -> Bool { policy.sources[source]?.idPattern?.fits(id) == true }
        let looksKnown = policy.configured.contains(where: fits)
        return random.permille(looksKnown ? (fits(source) ? 850 : 80) : 450)
    }

    func exists(_ key: EntryKey) -> Bool { histories[key] != nil }

    /// The number of the state that the action is in; nil: it does not exist (yet).
    func revision(_ key: EntryKey, at time: Instant) -> Int? {
        guard let changes = histories[key]?.changes else { return nil }
        let count = changes.count { $0.at <= time }
        return count > 0 ? count : nil
    }

    func outcome(_ key: EntryKey, at time: Instant) -> CallOutcome {
        guard let revision = revision(key, at: time), let changes = histories[key]?.changes else {
            return .notFound(UpstreamFault(kind: .notFound, httpStatus: 404))
        }
        let status = changes[revision - 1].status
        let document = ActionDocument(
            bytes: Array("\(revision)".utf8), source: key.source, status: status,
            isDone: status == .succeeded, createdAt: changes[0].at.wall)
        return .answered(document)
    }

    mutating func treatment(
        of key: EntryKey, _ random: inout SimRandom, oddShare: Int
    ) -> (Treatment, latency: Duration) {
        let mood = random.permille(oddShare) ? .mixed : moods[key.source] ?? .healthy
        let latency = random.permille(200) ? .zero : random.milliseconds(1...400)
        switch mood {
        case .healthy:
            // A healthy upstream's answer seldom reports how many calls are left.
            return (.answer, latency)
        case .slow: return (.answer, random.milliseconds(1500...9000))
        case .failing: return (.fail(.serverError, .none), latency)
        case .refusing: return (.fail(random.pick(Self.refusals), .none), latency)
        case .resetting: return (random.permille(500) ? .resetBefore : .resetAfter, latency)
        case .hanging: return (.hang, latency)
        case .throttling: return (.fail(.throttled, Self.hints(&random)), latency)
        case .mixed: return (Self.anything(&random), latency)
        }
    }

    private static let refusals: [UpstreamFault.Kind] = [
        .unauthorized, .forbidden, .paymentRequired,
    ]
    /// Answers without a state, one of each kind.
    private static let oddAnswers: [UpstreamFault.Kind] = [
        .notJSON, .malformed, .wrongAction, .tooLarge, .redirected, .unexpectedStatus,
    ]

    private static func anything(_ random: inout SimRandom) -> Treatment {
        switch random.below(12) {
        case 0: .resetBefore
        case 1: .resetAfter
        case 2: .hang
        case 3: .fail(.unauthorized, .none)
        case 4: .fail(.throttled, hints(&random))
        case 5: .fail(.notFound, .none)
        case 6: .fail(.serverError, RateHints(retryAfter: random.span(.seconds(1), .seconds(90))))
        case 7: .fail(random.pick(oddAnswers), .none)
        default: .answer
        }
    }

    /// The hints that a 429 may contain.
    private static func hints(_ random: inout SimRandom) -> RateHints {
        RateHints(
            remaining: random.permille(300) ? 0 : nil,
            retryAfter: random.permille(600) ? random.span(.seconds(1), .seconds(120)) : nil,
            isCycleLimit: random.permille(50))
    }
}

extension SimUpstream.History {
    init(_ scenario: Scenario, _ random: inout SimRandom) {
        // Some are old, some are created during the run.
        let isOld = random.permille(600)
        var at = Instant.simulationStart - (isOld ? .seconds(random.below(7200)) : .zero)
        if !isOld { at = at + random.span(.zero, scenario.activeSpan / 2) }
        changes = [(at, .pending)]
        for _ in 0..<random.below(5) {
            at = max(at, .simulationStart) + random.span(.zero, scenario.activeSpan / 3)
            changes.append((at, .inProgress))
        }
        let end = Instant.simulationStart + scenario.activeSpan
        if random.permille(600) { changes.append((max(at, .simulationStart), .succeeded)) }
        changes = changes.map { (min($0.at, end), $0.status) }
    }
}

extension Instant {
    /// The true time at which runs start.
    static let simulationStart = Instant(nanoseconds: 10_000_000_000_000)

    /// The reading of a correct wall clock at this true time.
    var wall: WallTime { WallTime(milliseconds: 1_790_000_000_000 + nanoseconds / 1_000_000) }
}
