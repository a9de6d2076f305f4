// Why a call cannot be made now.

/// What prevents calls to an upstream, or to the part of it that an action belongs to.
public enum BlockReason: Sendable, Equatable {
    case gate
    case paused
    case breakerOpen
    case budget(BudgetKind)
    /// The upstream itself reported that no calls are left.
    case upstreamLimit
    /// This service has no credential, or no resources for a connection.
    case ourSide(UpstreamFault)
    case store
    case quarantine
    case draining

    /// All possible words.
    public static let words =
        [BlockReason.gate, .paused, .breakerOpen, .upstreamLimit, .store, .quarantine, .draining]
        .map(\.word)
        + BudgetKind.allCases.map { BlockReason.budget($0).word }
        + [UpstreamFault.Kind.outOfResources, .tokenRefused, .tokenUnavailable].map(\.rawValue)

    /// The word for logs, metrics and problem details.
    public var word: String {
        switch self {
        case .gate: "gate-shut"
        case .paused: "paused"
        case .breakerOpen: "breaker-open"
        case .budget(let kind): "budget-spent-\(kind.rawValue)"
        case .upstreamLimit: "upstream-limit"
        case .ourSide(let fault): fault.kind.rawValue
        case .store: "store-unavailable"
        case .quarantine: "store-quarantined"
        case .draining: "draining"
        }
    }

    /// The code for a caller for whom nothing is stored.
    var problemCode: Problem.Code {
        switch self {
        case .ourSide(let fault): fault.kind.problemCode
        case .store, .quarantine: .storeUnavailable
        case .gate, .paused, .breakerOpen, .budget, .upstreamLimit, .draining: .upstreamUnavailable
        }
    }

    var staleReason: StaleReason {
        switch self {
        case .paused, .upstreamLimit: .throttled
        case .breakerOpen: .breakerOpen
        case .budget: .budgetSpent
        case .ourSide(let fault): fault.kind.staleReason
        case .gate, .draining: .unavailable
        case .store, .quarantine: .storeUnavailable
        }
    }
}
