// The state of an upstream as of the tracker's last step, for operators.

/// One source's figures. Values that depend on the time are computed when they are read.
public struct UpstreamFigures: Sendable {
    public let source: Source
    public let policy: SourcePolicy
    /// Nil until the store has reported the calls left.
    public var budget: BudgetOutlook?
    public var pausedUntil: Instant
    /// Why it is not called, and until when.
    public var blocked: (reason: BlockReason, until: Instant)?
    /// The blocks, those that an operator can act on first.
    public var blocks: [SourceBlock] = []
    /// The creation of the oldest unfinished action in memory.
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

    /// The condition at that time. A block lasts until a success, also between two attempts.
    public func condition(at now: Instant) -> SourceCondition {
        let condition = SourceCondition(reason(at: now))
        if condition == .store { return .store }
        return blocks.first { $0.stands(now) }?.condition ?? condition
    }
}

/// The condition of a source.
public enum SourceCondition: String, CaseIterable, Sendable {
    case ok
    case paused
    case breakerOpen = "breaker-open"
    case budgetSpent = "budget-spent"
    /// A credential, or a resource for a connection, is missing.
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

/// The calls left in a source's budgets, and how they grow without further calls.
public struct BudgetOutlook: Sendable, Equatable {
    public var left: BudgetLeft
    public var returns: BudgetReturns
    /// The time of the store's report.
    public var at: Instant

    public init(left: BudgetLeft, returns: BudgetReturns, at: Instant) {
        self.left = left
        self.returns = returns
        self.at = at
    }

    /// The calls left at `now`, as far as this process knows.
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
    /// Nil if it prevents only some calls.
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

    /// Blocks that an operator can act on come first.
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
