// Problem details (RFC 9457): the only table from failures to codes, statuses and texts.

internal import HTTPWire
public import StatusCore

/// Why a request failed, ready to be written.
public struct ProblemDetails: Error, Sendable, Equatable {
    public var code: Code
    /// For people: what happened to this request, and what its caller can do. Free of secrets.
    public var detail: String
    /// When another request is useful; nil: never.
    public var retryAt: Instant?
    public var sources: [Problem.SourceReport]

    public init(
        _ code: Code, _ detail: String, retryAt: Instant? = nil,
        sources: [Problem.SourceReport] = []
    ) {
        self.code = code
        self.detail = detail
        self.retryAt = retryAt
        self.sources = sources
    }

    /// The member that callers switch on. `type` is `urn:status-proxy:problem:` and the raw value.
    public enum Code: String, CaseIterable, Sendable {
        case invalidID = "invalid-id"
        case invalidParameter = "invalid-parameter"
        case malformedRequest = "malformed-request"
        case unauthorized
        case crossSite = "cross-site"
        case actionNotFound = "action-not-found"
        case routeNotFound = "route-not-found"
        case methodNotAllowed = "method-not-allowed"
        case ambiguousAction = "ambiguous-action"
        case preconditionFailed = "precondition-failed"
        case misdirected
        case tooManyRequests = "too-many-requests"
        case upstreamError = "upstream-error"
        case upstreamUnavailable = "upstream-unavailable"
        case upstreamTimeout = "upstream-timeout"
        case storeUnavailable = "store-unavailable"
        case overloaded

        public var status: Int {
            switch self {
            case .invalidID, .invalidParameter, .malformedRequest: 400
            case .unauthorized: 401
            case .crossSite: 403
            case .actionNotFound, .routeNotFound: 404
            case .methodNotAllowed: 405
            case .ambiguousAction: 409
            case .preconditionFailed: 412
            case .misdirected: 421
            case .tooManyRequests: 429
            case .upstreamError: 502
            case .upstreamUnavailable, .storeUnavailable, .overloaded: 503
            case .upstreamTimeout: 504
            }
        }

        public var title: String {
            switch self {
            case .invalidID: "Invalid action id"
            case .invalidParameter: "Invalid parameter"
            case .malformedRequest: "Malformed request"
            case .unauthorized: "Caller key required"
            case .crossSite: "Cross-site request refused"
            case .actionNotFound: "Action not found"
            case .routeNotFound: "Route not found"
            case .methodNotAllowed: "Method not allowed"
            case .ambiguousAction: "More than one source knows this id"
            case .preconditionFailed: "Precondition failed"
            case .misdirected: "Unknown host"
            case .tooManyRequests: "Too many requests"
            case .upstreamError: "Upstream error"
            case .upstreamUnavailable: "Upstream unavailable"
            case .upstreamTimeout: "Upstream timeout"
            case .storeUnavailable: "Store unavailable"
            case .overloaded: "Service overloaded"
            }
        }
    }

    static let again = "Try again after retry_after seconds."

    /// The same for a missing key, a wrong one and a malformed field.
    public static let unauthorized = ProblemDetails(
        .unauthorized,
        "The request has no valid caller key. Send one as 'Authorization: Bearer KEY'.")

    /// For a browser's request that a page of another site caused.
    public static let crossSite = ProblemDetails(
        .crossSite,
        "A page of another site sent this request. Such a page may link to this service; let its"
            + " server send requests.")

    /// For a browser's request that names a foreign host.
    public static let misdirected = ProblemDetails(
        .misdirected,
        "The Host field does not name this service. Without caller keys, browsers may use localhost,"
            + " a loopback address, or a name in HTTP_HOSTS.")

    static let preconditionFailed = ProblemDetails(
        .preconditionFailed,
        "If-Match needs a strong tag, and this service has only weak ones. Use If-None-Match, or"
            + " 'If-Match: *'.")

    public static func tooManyRequests(_ caller: String, retryAt: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests, "The caller '\(caller)' has used up its request quota. \(again)",
            retryAt: retryAt)
    }

    /// For an address that has sent too many requests without a valid key.
    public static func tooManyFailedKeys(retryAt: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests,
            "This address has sent too many requests without a valid caller key. Send a valid key, or"
                + " try again after retry_after seconds.",
            retryAt: retryAt)
    }

    public static func tooManyHeld(_ caller: String, now: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests,
            "The caller '\(caller)' has as many held requests and event streams as it may have at a"
                + " time. End some of them, or try again after retry_after seconds.",
            retryAt: now + .seconds(1))
    }

    public static func tooManyFollowed(now: Instant) -> ProblemDetails {
        ProblemDetails(
            .overloaded, "Too many actions are followed in event streams. \(again)",
            retryAt: now + .seconds(1))
    }

    /// For a connection over the limit, and for requests that are unfinished at the end of a drain.
    public static func connectionsRefused(now: Instant) -> ProblemDetails {
        ProblemDetails(
            .overloaded, "No connection is free, or the service is stopping. \(again)",
            retryAt: now + .seconds(1))
    }

    static func invalidParameter(_ detail: String) -> ProblemDetails {
        ProblemDetails(.invalidParameter, detail)
    }
}
