// A caller's question to the tracker, and the tracker's reply.

/// Identifies one held request.
public struct CallerID: Hashable, Comparable, Sendable {
    public var number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (a: CallerID, b: CallerID) -> Bool { a.number < b.number }
}

/// A request for the state of one action.
public struct Question: Sendable, Equatable {
    public var id: ActionID
    /// Ask only that upstream; it must be configured.
    public var source: Source?
    public var patience: Patience
    /// The caller's name, when caller keys are on.
    public var holder: String?
    /// Its place among the questions of one request, from 1; 0 for a single question.
    public var place: Int
    /// The request's id in the log, for the lines of the calls that the question causes.
    public var cause: String?
    var isOfMany: Bool { place > 0 }

    public init(
        id: ActionID, source: Source? = nil, patience: Patience = .none, holder: String? = nil,
        place: Int = 0, cause: String? = nil
    ) {
        self.id = id
        self.source = source
        self.patience = patience
        self.holder = holder
        self.place = place
        self.cause = cause
    }

    /// What the caller waits for.
    public enum Patience: Sendable, Equatable {
        case none
        /// Until the action is done, at most until that time.
        case done(deadline: Instant)
        /// Until the state's tag is none of those (nil: differs from the state at arrival).
        case change(from: [UInt64]?, deadline: Instant)
        /// Until the state has another tag, or is stale for another reason.
        case update(from: UInt64, StaleReason?, deadline: Instant)

        /// The current state is enough.
        public var isNone: Bool {
            if case .none = self { true } else { false }
        }

        var deadline: Instant? {
            switch self {
            case .none: nil
            case .done(let deadline), .change(_, let deadline), .update(_, _, let deadline):
                deadline
            }
        }
    }
}

/// The tracker's reply to a question.
public enum Reply: Sendable, Equatable {
    case answer(Answer)
    case problem(Problem)
}

/// A state to be served.
public struct Answer: Sendable, Equatable {
    public var document: ActionDocument
    public var checkedAt: WallTime
    /// When the upstream answered with it.
    public var answeredAt: Instant
    /// Until when it is fresh, by the action's age.
    public var freshUntil: Instant
    /// Until when it may be served.
    public var keptUntil: Instant
    /// When the next refresh can start; nil when the action is done.
    public var nextRefreshAt: Instant?
    /// Why it is older than it should be; nil when it is not.
    public var staleReason: StaleReason?
    public var service: Service

    public enum Service: Sendable, Equatable {
        /// From what was stored.
        case hit
        /// From a call that this request caused.
        case miss
        /// From a call that another request had caused.
        case collapsed
    }
}

/// Why a served answer is stale.
public enum StaleReason: String, CaseIterable, Sendable {
    case notFound = "upstream-not-found"
    case error = "upstream-error"
    case unavailable = "upstream-unavailable"
    case timeout = "upstream-timeout"
    /// A refresh is under way, and takes longer than a request is held for.
    case slow = "upstream-slow"
    case throttled = "upstream-throttled"
    case breakerOpen = "breaker-open"
    case budgetSpent = "budget-spent"
    case storeUnavailable = "store-unavailable"
    /// This service has no resources left for a call.
    case overloaded
}

/// Why there is no state to serve.
public struct Problem: Error, Sendable, Equatable {
    public var code: Code
    /// When a call for this action can really be made; nil if asking again is of no use.
    public var retryAt: Instant?
    /// The result of each asked upstream, or why it was not called.
    public var sources: [SourceReport]

    public enum Code: String, CaseIterable, Sendable {
        case notFound = "action-not-found"
        case ambiguous = "ambiguous-action"
        case upstreamError = "upstream-error"
        case upstreamUnavailable = "upstream-unavailable"
        case upstreamTimeout = "upstream-timeout"
        case storeUnavailable = "store-unavailable"
        case overloaded
    }

    public struct SourceReport: Sendable, Equatable {
        public var source: Source
        /// A fault's kind, `found`, or a block reason's word.
        public var outcome: String
        public var httpStatus: Int?
        public var code: String?
        public var message: String?
    }
}

extension UpstreamFault.Kind {
    /// The only table from an upstream's fault to the problem for callers.
    var problemCode: Problem.Code {
        switch self {
        case .notFound: .notFound
        case .serverError, .unauthorized, .paymentRequired, .forbidden, .redirected,
            .unexpectedStatus, .notJSON, .wrongAction, .malformed, .tooLarge, .connectionLost,
            .tokenRefused:
            .upstreamError
        case .throttled, .connectFailed, .tlsFailed, .slotExpired, .tokenUnavailable:
            .upstreamUnavailable
        case .timedOut: .upstreamTimeout
        case .outOfResources: .overloaded
        }
    }

    var staleReason: StaleReason {
        switch problemCode {
        case .notFound: .notFound
        case .upstreamTimeout: .timeout
        case .upstreamError: .error
        case .upstreamUnavailable: self == .throttled ? .throttled : .unavailable
        case .overloaded: .overloaded
        case .storeUnavailable: .storeUnavailable
        case .ambiguous: .error
        }
    }
}
