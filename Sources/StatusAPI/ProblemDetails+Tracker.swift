// The tracker's problems in the terms of HTTP, and refusals of requests that violate HTTP.

public import HTTPWire
public import StatusCore

extension ProblemDetails {
    /// A problem of the tracker in the terms of HTTP.
    public init(_ problem: Problem, id: ActionID) {
        let code: Code
        let detail: String
        switch problem.code {
        case .notFound:
            code = .actionNotFound
            detail =
                "No upstream that was asked knows '\(id)'. A new action can take a while to appear."
                + " \(Self.again)"
        case .ambiguous:
            code = .ambiguousAction
            detail =
                "More than one source knows '\(id)'. Choose one of them with the parameter 'source'."
        case .upstreamError:
            code = .upstreamError
            detail =
                "Nothing is stored for '\(id)', and the upstream's answer cannot be used."
                + " \(Self.again)"
        case .upstreamUnavailable:
            code = .upstreamUnavailable
            detail =
                "Nothing is stored for '\(id)', and no upstream can be called now. \(Self.again)"
        case .upstreamTimeout:
            code = .upstreamTimeout
            detail =
                "Nothing is stored for '\(id)', and the upstream did not answer in time."
                + " \(Self.again)"
        case .storeUnavailable:
            code = .storeUnavailable
            detail =
                "Nothing is known of '\(id)', and the store of this service cannot be used, so no"
                + " upstream is called. \(Self.again)"
        case .overloaded:
            code = .overloaded
            detail =
                problem.sources.isEmpty
                ? "Too many requests are waiting for upstreams. \(Self.again)"
                : "Nothing is stored for '\(id)', and this service has no descriptor, memory or port"
                    + " left for a call. \(Self.again)"
        }
        self.init(code, detail, retryAt: problem.retryAt, sources: problem.sources)
    }

    /// Whole seconds until another request is useful, rounded up, at least 1.
    func retryAfter(_ now: Instant) -> Int? {
        retryAt.map { max(1, ($0 - now).secondsRoundedUp) }
    }

    /// The whole answer: `application/problem+json`. `caches` may store that an action is not
    /// found.
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
            // RFC 9110 11.6.1: a 401 MUST have a challenge.
            fields.append(Field(name: "WWW-Authenticate", value: "Bearer"))
        }
        if code == .methodNotAllowed {
            // RFC 9110 15.5.6: a 405 MUST list the methods.
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
    /// The answer to a request that violates HTTP, with the server's status and reason.
    public static func refusal(status: Int, reason: String) -> Response {
        var json = JSONWriter(reserving: 192)
        json.beginObject()
        json.member("type", "urn:status-proxy:problem:\(Code.malformedRequest.rawValue)")
        json.member("title", Code.malformedRequest.title)
        json.member("status", status)
        json.member(
            "detail",
            "The request was refused: \(reason). Send a corrected request on a new connection.")
        json.member("code", Code.malformedRequest.rawValue)
        json.endObject()
        let fields = [
            Field(name: "Content-Type", value: "application/problem+json"),
            Field(name: "Cache-Control", value: "no-store"),
        ]
        return Response(status: status, fields: fields, body: json.bytes)
    }
}
