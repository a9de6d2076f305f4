// Problem details (RFC 9457): the one table from what went wrong to what a caller is told.

public import HTTPWire
public import StatusCore

/// A failed request, ready to be told.
public struct ProblemDetails: Error, Sendable, Equatable {
    public var code: Code
    /// For a person, about this very request. Free of secrets.
    public var detail: String
    /// When asking again is of use.
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

    /// What callers can switch on. `type` is `urn:status-proxy:problem:` and the raw value.
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
            case .invalidID: "Not an action id"
            case .invalidParameter: "Invalid parameter"
            case .malformedRequest: "Malformed request"
            case .unauthorized: "A caller's key is needed"
            case .crossSite: "Requests of other sites' pages are refused"
            case .actionNotFound: "Action not found"
            case .routeNotFound: "No such route"
            case .methodNotAllowed: "Method not allowed"
            case .ambiguousAction: "More than one source knows this id"
            case .preconditionFailed: "Precondition failed"
            case .misdirected: "Not a name of this service"
            case .tooManyRequests: "Too many requests of this caller"
            case .upstreamError: "The upstream failed"
            case .upstreamUnavailable: "The upstream cannot be asked now"
            case .upstreamTimeout: "The upstream did not answer in time"
            case .storeUnavailable: "This service's store cannot be used now"
            case .overloaded: "Too many requests are being served"
            }
        }
    }

    /// One word for a missing key, a wrong one and an odd field.
    public static let unauthorized = ProblemDetails(
        .unauthorized, "Give a known key as 'Authorization: Bearer KEY'.")

    /// Answered to a browser that another site's page has made send a request.
    public static let crossSite = ProblemDetails(
        .crossSite, "A page of another site may link to this service, but not request from it.")

    /// Answered to a browser that takes this service for another host.
    public static let misdirected = ProblemDetails(
        .misdirected,
        "Without caller keys, browsers may use this service as localhost, as a loopback address, and"
            + " by the names in HTTP_HOSTS.")

    static let preconditionFailed = ProblemDetails(
        .preconditionFailed,
        "If-Match compares strongly, and no answer has a strong tag: only '*' is ever met.")

    public static func tooManyRequests(_ caller: String, retryAt: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests, "'\(caller)' has used up its requests for now.", retryAt: retryAt)
    }

    /// Answered to whoever keeps trying keys.
    public static func tooManyFailedKeys(retryAt: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests,
            "Too many requests without a known key have come from this address.", retryAt: retryAt)
    }

    public static func tooManyHeld(_ caller: String, now: Instant) -> ProblemDetails {
        ProblemDetails(
            .tooManyRequests,
            "'\(caller)' has as many requests and event streams under way as it may have at a time.",
            retryAt: now + .seconds(1))
    }

    public static func tooManyFollowed(now: Instant) -> ProblemDetails {
        ProblemDetails(
            .overloaded, "Too many actions are followed in event streams.",
            retryAt: now + .seconds(1))
    }

    static func invalidParameter(_ detail: String) -> ProblemDetails {
        ProblemDetails(.invalidParameter, detail)
    }
}

extension ProblemDetails {
    /// The tracker's word, told over HTTP.
    public init(_ problem: Problem, id: ActionID) {
        let code: Code
        let detail: String
        switch problem.code {
        case .notFound:
            code = .actionNotFound
            detail = "No upstream that was asked knows '\(id)'. A new action can take a while."
        case .ambiguous:
            code = .ambiguousAction
            detail = "More than one source knows '\(id)'. Say which with 'source'."
        case .upstreamError:
            code = .upstreamError
            detail = "The upstream's answer for '\(id)' cannot be used."
        case .upstreamUnavailable:
            code = .upstreamUnavailable
            detail = "Nothing is stored for '\(id)', and no upstream can be asked now."
        case .upstreamTimeout:
            code = .upstreamTimeout
            detail = "Nothing is stored for '\(id)', and the upstream did not answer in time."
        case .storeUnavailable:
            code = .storeUnavailable
            detail = "Nothing is known of '\(id)' while this service's own store cannot be used."
        case .overloaded:
            code = .overloaded
            detail =
                problem.sources.isEmpty
                ? "Too many requests are waiting for upstreams."
                : "Nothing is stored for '\(id)', and this service has no means left to ask for it."
        }
        self.init(code, detail, retryAt: problem.retryAt, sources: problem.sources)
    }

    /// Whole seconds until asking again is of use, rounded up, at least 1.
    func retryAfter(_ now: Instant) -> Int? {
        retryAt.map { max(1, ($0 - now).secondsRoundedUp) }
    }

    /// The whole answer: `application/problem+json`. `caches` may remember that an action is not found.
    public func response(now: Instant, for caches: CacheScope = .shared) -> Response {
        let retryAfter = retryAfter(now)
        var fields = [Field(name: "Content-Type", value: "application/problem+json")]
        if let retryAfter {
            fields.append(Field(name: "Retry-After", value: String(retryAfter)))
        }
        let isNegativeAnswer = code == .actionNotFound && retryAfter != nil
        fields.append(
            Field(
                name: "Cache-Control",
                value: isNegativeAnswer ? "\(caches.maxAge)\(retryAfter ?? 0)" : "no-store"))
        if code == .unauthorized {
            // RFC 9110 11.6.1: a 401 MUST say how to do better.
            fields.append(Field(name: "WWW-Authenticate", value: "Bearer"))
        }
        if code == .methodNotAllowed {
            // RFC 9110 15.5.6: so MUST a 405.
            fields.append(Field(name: "Allow", value: Router.allowed))
        }
        return Response(status: code.status, fields: fields, body: body(now: now))
    }

    /// One JSON object.
    public func body(now: Instant) -> [UInt8] {
        var json = JSONWriter(reserving: 256)
        json.beginObject()
        json.member("type", "urn:status-proxy:problem:\(code.rawValue)")
        json.member("title", code.title)
        json.member("status", code.status)
        json.member("detail", detail)
        json.member("code", code.rawValue)
        if let retryAfter = retryAfter(now) { json.member("retry_after", retryAfter) }
        if !sources.isEmpty { write(sources, into: &json) }
        json.endObject()
        return json.bytes
    }

    private func write(_ reports: [Problem.SourceReport], into json: inout JSONWriter) {
        json.name("sources")
        json.beginArray()
        for report in reports {
            json.beginObject()
            json.member("source", report.source.name)
            json.member("outcome", report.outcome)
            json.member("http_status", report.httpStatus)
            json.member("code", report.code)
            json.member("message", report.message)
            json.endObject()
        }
        json.endArray()
    }
}

extension ProblemDetails {
    /// The answer to a request that breaks the protocol: the server's own status, and its words.
    public static func refusal(status: Int, reason: String) -> Response {
        var json = JSONWriter(reserving: 192)
        json.beginObject()
        json.member("type", "urn:status-proxy:problem:\(Code.malformedRequest.rawValue)")
        json.member("title", Code.malformedRequest.title)
        json.member("status", status)
        json.member("detail", reason)
        json.member("code", Code.malformedRequest.rawValue)
        json.endObject()
        let fields = [
            Field(name: "Content-Type", value: "application/problem+json"),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        return Response(status: status, fields: fields, body: json.bytes)
    }
}
