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
            figures.unfinishedSince = unfinishedSince(source)
            return figures
        }
    }
}
