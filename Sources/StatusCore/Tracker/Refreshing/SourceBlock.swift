// What keeps an upstream from being called, as operators read of it.

/// Something that stands in the way of an upstream's calls.
public struct SourceBlock: Sendable, Equatable {
    public var kind: Kind
    /// What showed it; nil when a store or another process has.
    public var fault: UpstreamFault?
    /// When it is expected to be over; nil: nobody knows.
    public var until: Instant?

    /// At most one of each kind stands in an upstream's way.
    public enum Kind: Hashable, Sendable {
        case pause
        case breaker
        case budget(BudgetKind)
        /// We have none, or the upstream does not accept it.
        case credential
        /// We have no descriptor, memory or local port left to call with.
        case resources
        case quarantine

        /// The word for logs and health checks.
        public var word: String {
            switch self {
            case .pause: BlockReason.paused.word
            case .breaker: BlockReason.breakerOpen.word
            case .budget(let kind): BlockReason.budget(kind).word
            case .credential: "credential"
            case .resources: UpstreamFault.Kind.outOfResources.rawValue
            case .quarantine: BlockReason.quarantine.word
            }
        }

        /// Time ends it; else what works again does.
        var endsByTime: Bool {
            switch self {
            case .pause, .budget, .quarantine: true
            case .breaker, .credential, .resources: false
            }
        }
    }

    public func stands(_ now: Instant) -> Bool {
        guard kind.endsByTime, let until else { return true }
        return now < until
    }

    public init(_ kind: Kind, fault: UpstreamFault? = nil, until: Instant? = nil) {
        self.kind = kind
        self.fault = fault
        self.until = until
    }
}
