// How an upstream is, as of the tracker's last step: what operators read.

/// One source's figures. What depends on the time is computed by whoever reads them.
public struct UpstreamFigures: Sendable {
    public let source: Source
    public let policy: SourcePolicy
    /// Nil until the store has said what is left.
    public var budget: BudgetOutlook?
    public var pausedUntil: Instant
    /// Why it is not called, and until when that holds.
    public var blocked: (reason: BlockReason, until: Instant)?
    /// What keeps it from being called, what an operator can do something about first.
    public var blocks: [SourceBlock] = []
    /// When the oldest action in memory that is not done was made.
    public var unfinishedSince: Instant?

    public init(source: Source, policy: SourcePolicy, pausedUntil: Instant = .distantPast) {
        self.source = source
        self.policy = policy
        self.pausedUntil = pausedUntil
    }

    /// Why it is not called at that time.
    public func reason(at now: Instant) -> BlockReason? {
        blocked.flatMap { $0.until > now ? $0.reason : nil }
    }

    /// How it is at that time. A block stands until something works again, also between two attempts.
    public func condition(at now: Instant) -> SourceCondition {
        let condition = SourceCondition(reason(at: now))
        if condition == .store { return .store }
        return blocks.first { $0.stands(now) }?.condition ?? condition
    }
}

/// How a source is, in a word.
public enum SourceCondition: String, CaseIterable, Sendable {
    case ok
    case paused
    case breakerOpen = "breaker-open"
    case budgetSpent = "budget-spent"
    /// We lack a credential, or something to make a connection with.
    case ourSide = "our-side"
    case store

    public init(_ reason: BlockReason?) {
        switch reason {
        case nil, .gate, .draining: self = .ok
        case .paused, .upstreamLimit: self = .paused
        case .breakerOpen: self = .breakerOpen
        case .budget: self = .budgetSpent
        case .ourSide: self = .ourSide
        case .store, .quarantine: self = .store
        }
    }
}

/// What is left of a source's budgets, and how that grows while no more calls are made.
public struct BudgetOutlook: Sendable, Equatable {
    public var left: BudgetLeft
    public var returns: BudgetReturns
    /// When the store said so.
    public var at: Instant

    public init(left: BudgetLeft, returns: BudgetReturns, at: Instant) {
        self.left = left
        self.returns = returns
        self.at = at
    }

    /// What is left at `now`, as far as this process knows of calls.
    public func left(at now: Instant, of limits: BudgetLimits) -> BudgetLeft {
        func grown(_ left: Int, _ returns: [BudgetReturns.Calls], _ limit: Int) -> Int {
            min(limit, returns.reduce(left) { $1.after <= now - at ? $0 + $1.count : $0 })
        }
        return BudgetLeft(
            minute: grown(left.minute, returns.minute, limits.perMinute),
            day: left.day.map { grown($0, returns.day, limits.perDay ?? .max) })
    }
}

extension ActionTracker {
    /// In the order of the configuration.
    public mutating func upstreamFigures() -> [UpstreamFigures] {
        policy.configured.compactMap { source in
            guard let upstream = upstreams[source] else { return nil }
            var figures = UpstreamFigures(
                source: source, policy: upstream.policy, pausedUntil: upstream.pausedUntil)
            figures.budget = upstream.budget
            figures.blocked = blocked(upstream, .known).map { ($0.reason, $0.until) }
            figures.blocks = upstream.blocks.standing(now).filter { $0.condition != nil }
                .sorted { $0.weight > $1.weight }
            figures.unfinishedSince = unfinishedSince(source)
            return figures
        }
    }
}

extension SourceBlock {
    /// Nil when it stands in the way of some calls only.
    var condition: SourceCondition? {
        switch kind {
        case .pause: .paused
        case .breaker: .breakerOpen
        case .budget(.minute), .budget(.day): .budgetSpent
        case .budget: nil
        case .credential, .resources: .ourSide
        case .quarantine: .store
        }
    }

    /// What an operator can do something about comes first.
    var weight: Int {
        switch kind {
        case .credential, .resources: 4
        case .quarantine: 3
        case .breaker: 2
        case .pause: 1
        case .budget: 0
        }
    }
}
