// A run's circumstances, drawn from its seed before it starts.

@testable import StatusCore

/// The fixed circumstances of one run.
struct Scenario {
    var replicas: Int
    var policy: TrackerPolicy
    var ids: [ActionID]
    /// How long there are requests and faults, before the part without faults.
    var activeSpan: Duration
    var requests: Int
    var faults: [Fault]
    /// Of a thousand effects, how many are followed by a crash or a pause of their process.
    var crashShare: Int
    var pauseShare: Int
    /// Of a thousand store operations, how many fail, before or after they take effect.
    var storeFailureShare: Int
    /// Of a thousand notifications, how many get lost, and how many are late.
    var noticeLossShare: Int
    var noticeDelayShare: Int
    /// Whether only the wall clocks are wrong.
    var isCalm: Bool
    /// Whether it runs for more than a day.
    var isLong: Bool
    var purges: Int
    /// Whether there are more requests than calls.
    private(set) var isPressed = false
    /// Whether the store is a PostgreSQL: read and written in two round trips, and judged by its users.
    var isPostgres: Bool
    /// Of a thousand calls, how many get something other than the upstream's present behaviour.
    var oddCallShare: Int

    /// A fault that starts at a time, counted from the start of the run.
    struct Fault {
        var at: Duration
        var kind: Kind

        enum Kind {
            case mood(Source, Mood)
            case storeDown(Duration)
            case storeSlow(Duration)
            case storeWiped
            case storeSetBack
            /// To a standby that lacks the last writes.
            case storeFailover(lostWrites: Int)
            /// Of one process's machine; nil: of the store's.
            case wallStep(replica: Int?, by: Duration)
            case drain(replica: Int)
            case crash(replica: Int)
            case pause(replica: Int, Duration)
        }
    }

    /// An upstream's behaviour.
    enum Mood: CaseIterable {
        case healthy
        case failing
        case refusing
        case resetting
        case hanging
        case slow
        case throttling
        case mixed
    }

    init(_ random: inout SimRandom) {
        replicas = random.pick([1, 1, 2, 2, 3])
        let policy = Self.widened(Self.policy(&random), random.fork(Self.wideSalt))
        self.policy = policy
        ids = Self.ids(&random)
        let turn = policy.configured.compactMap { policy.sources[$0]?.minInterval }.max()
        isLong = random.permille(40)
        let turns = (turn ?? .seconds(60)) * random.within(2...6)
        activeSpan = isLong ? .seconds(3600) * random.within(25...50) : turns
        requests = random.within(4...24) * (isLong ? 3 : 1)
        purges = random.pick([0, 0, 1, 4])
        isCalm = random.permille(200)
        crashShare = isCalm ? 0 : random.pick([0, 0, 5, 20])
        pauseShare = isCalm ? 0 : random.pick([0, 0, 5, 20])
        storeFailureShare = isCalm ? 0 : random.pick([0, 0, 20, 100])
        noticeLossShare = isCalm ? 0 : random.pick([0, 0, 200, 1000])
        noticeDelayShare = isCalm ? 0 : random.pick([0, 100, 500])
        oddCallShare = isCalm ? 0 : random.pick([0, 50, 300])
        isPostgres = random.fork(Self.postgresSalt).permilleOnce(Self.postgresShare)
        faults = []
        if isCalm {
            let replica = random.pick([0, nil])
            faults = [Fault(at: activeSpan / 2, kind: .wallStep(replica: replica, by: .hour))]
            return
        }
        for _ in 0..<random.within(0...6) { faults.append(fault(&random)) }
        var others = random.fork(Self.pressSalt)
        if !isLong, others.permille(Self.pressShare) { press(&others) }
    }

    /// Of a thousand runs, in how many the store is a PostgreSQL.
    private static let postgresShare = 400
    private static let postgresSalt: UInt64 = 0x7071_7371

    /// Of a thousand runs, how many have many requests, for more actions than the budget allows calls,
    /// or for an upstream that fails.
    private static let pressShare = 30
    private static let pressSalt: UInt64 = 0x7072_6573

    private mutating func press(_ random: inout SimRandom) {
        isPressed = true
        ids += Self.moreIDs
        requests = random.within(40...80)
        activeSpan = .seconds(random.within(120...400))
        let end = activeSpan
        faults.removeAll { $0.at > end }
        let source = random.pick(policy.configured)
        let isFailing = random.permille(500)
        var limits = policy.sources
        limits[source]?.minInterval = .seconds(5)
        limits[source]?.budget = BudgetLimits(perMinute: isFailing ? 60 : 2, perDay: nil)
        policy = policy.with(limits)
        guard isFailing else { return }
        let moods: [Mood] = [.failing, .refusing, .resetting, .hanging, .mixed]
        let from = random.span(.zero, activeSpan / 4)
        let until = random.span(activeSpan / 2, activeSpan)
        faults.append(Fault(at: from, kind: .mood(source, random.pick(moods))))
        faults.append(Fault(at: until, kind: .mood(source, .healthy)))
    }

    /// Of a thousand runs, how many have further sources.
    private static let wideShare = 300
    private static let wideSalt: UInt64 = 0x7769_6465

    /// More sources: some for ids of the same shapes, one for any, one for none of its own.
    private static func widened(_ policy: TrackerPolicy, _ random: SimRandom) -> TrackerPolicy {
        var random = random
        guard random.permille(wideShare) else { return policy }
        let further: [(name: String, pattern: IDPattern?)] = [
            ("orders-de", .uuid), ("vouchers-de", .prefix("aa_")), ("exports", nil), ("any", .any),
        ]
        var sources = policy.configured.compactMap { source in
            policy.sources[source].map { (source, $0) }
        }
        for (name, pattern) in further where random.permille(500) {
            sources.append((.named(name), sourcePolicy(&random, pattern)))
        }
        return policy.with(PerSource(sources))
    }

    private static func policy(_ random: inout SimRandom) -> TrackerPolicy {
        var limits = Source.both.map { source in
            let pattern = source == .orders ? IDPattern.uuid : .prefix("aa_")
            return (source, sourcePolicy(&random, pattern))
        }
        if random.permille(300) {
            let off = random.pick(Source.both)
            limits.removeAll { $0.0 == off }
        }
        return TrackerPolicy(
            sources: PerSource(limits), refreshWait: .seconds(1),
            staleMax: random.pick([.seconds(600), .seconds(86_400)]), terminalTTL: .seconds(86_400),
            actionsMax: random.pick([1, 2, 1000]))
    }

    private static func sourcePolicy(
        _ random: inout SimRandom, _ pattern: IDPattern?
    ) -> SourcePolicy {
        let least = random.pick([Duration.seconds(5), .seconds(30), .seconds(60), .seconds(900)])
        return SourcePolicy(
            minInterval: least,
            maxInterval: max(least, random.pick([.seconds(60), .seconds(300)])),
            callDeadline: random.pick([.seconds(2), .seconds(10)]),
            budget: BudgetLimits(
                perMinute: random.pick([2, 4, 60]), perDay: random.pick([nil, nil, 6, 20])),
            idPattern: pattern)
    }

    /// The most actions of one request.
    static let placeMax = 3

    private static func ids(_ random: inout SimRandom) -> [ActionID] {
        let names = [
            "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e", "aa_1", "shipment.1", "aa_2",
            "5d1f0c8e-3b53-4e6f-8f0e-2f0b7e0c9a11", "shipment.2",
        ].compactMap { ActionID($0) }
        return Array(names.dropFirst(random.below(3)).prefix(random.within(1...3)))
    }

    /// More for runs with many requests.
    private static let moreIDs = ["shipment.3", "shipment.4", "aa_5", "aa_6"].compactMap {
        ActionID($0)
    }

    private func fault(_ random: inout SimRandom) -> Fault {
        let replica = random.below(replicas)
        let short = random.span(.milliseconds(500), .seconds(20))
        let long = random.span(.seconds(2), .seconds(120))
        let kind: Fault.Kind
        switch random.below(17) {
        case 0...4: kind = .mood(random.pick(policy.configured), random.pick(Mood.allCases))
        case 5: kind = .storeDown(long)
        case 6: kind = .storeSlow(short)
        case 7: kind = .storeWiped
        case 8: kind = .storeSetBack
        case 9:
            let index = random.permille(700) ? replica : nil
            kind = .wallStep(replica: index, by: random.pick([.hour, .zero - .hour]))
        case 10...11: kind = .crash(replica: replica)
        case 12...13:
            kind = .storeFailover(lostWrites: random.below(SimStore.lostWritesMax + 1))
        case 14: kind = .drain(replica: replica)
        default: kind = .pause(replica: replica, long)
        }
        return Fault(at: random.span(.zero, activeSpan), kind: kind)
    }
}

extension TrackerPolicy {
    fileprivate func with(_ sources: PerSource<SourcePolicy>) -> TrackerPolicy {
        TrackerPolicy(
            sources: sources, refreshWait: refreshWait, staleMax: staleMax,
            terminalTTL: terminalTTL, actionsMax: actionsMax)
    }
}

extension Duration {
    static let hour = Duration.seconds(3600)
}

extension Scenario {
    var hasStandby: Bool {
        faults.contains { if case .storeFailover = $0.kind { true } else { false } }
    }
}
