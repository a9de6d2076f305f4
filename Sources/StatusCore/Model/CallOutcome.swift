// The result of one upstream call, after normalisation.

/// The outcome of one call for one action.
public enum CallOutcome: Sendable, Equatable {
    /// The upstream reported the action's state.
    case answered(ActionDocument)
    /// A real 404: the upstream itself does not know the id.
    case notFound(UpstreamFault)
    /// Anything else.
    case failed(UpstreamFault)
}

/// Why a call brought no state, for operators and callers.
public struct UpstreamFault: Sendable, Equatable {
    public var kind: Kind
    /// The upstream's HTTP status, if it answered.
    public var httpStatus: Int?
    /// The upstream's own error code, if it gave one.
    public var code: String?
    /// A message for people, without secrets. At most ``messageBytesMax`` bytes.
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
        // The upstream answered, but not with the action's state.
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
        // The call got no answer.
        case connectFailed = "connect-failed"
        case tlsFailed = "tls-failed"
        case connectionLost = "connection-lost"
        case timedOut = "timed-out"
        /// The reserved slot was too old to be used; nothing was sent.
        case slotExpired = "slot-expired"
        /// This service had no descriptor, memory, local port or room left; nothing was sent.
        case outOfResources = "out-of-resources"
        // No call was made.
        case tokenRefused = "token-refused"
        case tokenUnavailable = "token-unavailable"
    }
}

/// What an upstream's answer says about its limits. Durations count from the answer.
public struct RateHints: Sendable, Equatable {
    /// Calls left, `X-Rate-Limit-Remaining`.
    public var remaining: Int?
    /// How long `remaining` is valid; nil: unknown.
    public var remainingFor: Duration?
    /// How long the upstream must not be called, already clamped to 1 s … 1 h.
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
