// A block of an upstream, as operators see it.

/// A reason why an upstream is not called.
public struct SourceBlock: Sendable, Equatable {
    public var kind: Kind
    /// The fault that caused it; nil if the store or another process reported it.
    public var fault: UpstreamFault?
    /// When it is expected to end; nil: unknown.
    public var until: Instant?

    /// An upstream has at most one block of each kind.
    public enum Kind: Hashable, Sendable {
        case pause
        case breaker
        case budget(BudgetKind)
        /// There is no credential, or the upstream does not accept it.
        case credential
        /// No descriptor, memory or local port is left for a call.
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

        /// Whether it ends at a time; otherwise it ends with the next success.
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
