// What one upstream call came to, after normalisation.

/// The outcome of one look at one action.
public enum CallOutcome: Sendable, Equatable {
    /// The upstream told the action's state.
    case answered(ActionDocument)
    /// A real 404: the upstream itself said that it does not know the id.
    case notFound(UpstreamFault)
    /// Anything else.
    case failed(UpstreamFault)
}

/// Why a look brought no state: what operators and callers are told of it.
public struct UpstreamFault: Sendable, Equatable {
    public var kind: Kind
    /// The upstream's HTTP status, when it answered at all.
    public var httpStatus: Int?
    /// The upstream's own error code, when it gave one.
    public var code: String?
    /// Words for a person, free of secrets. At most ``messageBytesMax`` bytes.
    public var message: String?

    public static let messageBytesMax = 300

    public init(kind: Kind, httpStatus: Int? = nil, code: String? = nil, message: String? = nil) {
        self.kind = kind
        self.httpStatus = httpStatus
        self.code = code
        self.message = message
    }

    /// The raw values are the `outcome` of problem details, metrics and logs, and are kept in stores.
    public enum Kind: String, CaseIterable, Sendable {
        case notFound = "not-found"
        // The upstream answered, but not with what was asked for.
        case serverError = "server-error"
        case unauthorized
        case paymentRequired = "payment-required"
        case forbidden
        case redirected
        case unexpectedStatus = "unexpected-status"
        case notJSON = "not-json"
        case wrongAction = "wrong-action"
        case malformed
        case tooLarge = "too-large"
        case throttled
        // The call did not come to an answer.
        case connectFailed = "connect-failed"
        case tlsFailed = "tls-failed"
        case connectionLost = "connection-lost"
        case timedOut = "timed-out"
        /// The reserved slot was too old to be used; nothing was sent.
        case slotExpired = "slot-expired"
        /// We ourselves had no descriptor, memory, local port or room left; nothing was sent.
        case outOfResources = "out-of-resources"
        // No call was made.
        case tokenRefused = "token-refused"
        case tokenUnavailable = "token-unavailable"
    }
}

/// What an upstream's answer says of its limits. Spans count from the answer.
public struct RateHints: Sendable, Equatable {
    /// Calls left, `X-Rate-Limit-Remaining`.
    public var remaining: Int?
    /// How long that counts; nil: not told.
    public var remainingFor: Duration?
    /// How long the upstream wants to be left alone, already clamped to 1 s … 1 h.
    public var retryAfter: Duration?
    /// `X-Rate-Limit-Type` is `api_calls_cycle`: the billing cycle's quota is used up.
    public var isCycleLimit: Bool

    public init(
        remaining: Int? = nil, remainingFor: Duration? = nil, retryAfter: Duration? = nil,
        isCycleLimit: Bool = false
    ) {
        self.remaining = remaining
        self.remainingFor = remainingFor
        self.retryAfter = retryAfter
        self.isCycleLimit = isCycleLimit
    }

    public static let none = RateHints()
}
