// What a request makes its answer depend on (RFC 9110 13), held against the answer it would get.

public import HTTPWire
public import StatusCore

/// The preconditions of one request.
///
/// Nothing here has a date of modification or is served in ranges, so If-Modified-Since,
/// If-Unmodified-Since and If-Range mean nothing and are not read (RFC 9110 13.1.3 to 13.1.5).
public struct Preconditions: Sendable, Equatable {
    public internal(set) var match: TagCondition?
    public internal(set) var noneMatch: TagCondition?

    public init() {}

    /// What becomes of an answer that would be 2xx. Others are given whatever the conditions are
    /// (RFC 9110 13.2.1).
    public enum Verdict: Sendable {
        case serve
        /// 304.
        case notModified
        /// 412.
        case failed
    }

    /// In the order of RFC 9110 13.2.2. `tag`: nil for what has none.
    public func verdict(_ tag: EntityTag?) -> Verdict {
        // If-Match compares strongly, and a weak tag is strongly equal to nothing (RFC 9110
        // 8.8.3.2). Ours are weak: only `*` is ever met.
        if let match, match != .any { return .failed }
        if let noneMatch, noneMatch.matches(tag) { return .notModified }
        return .serve
    }

    /// An answer, or what is given in its place. `tag`: nil for what has none.
    public func applied(
        to response: Response, tag: EntityTag? = nil, now: Instant
    ) -> Response {
        guard (200..<300).contains(response.status) else { return response }
        switch verdict(tag) {
        case .serve: return response
        case .notModified:
            // RFC 9110 15.4.5: without content, and without what describes it.
            return Response(
                status: 304, fields: response.fields.filter { $0.name != "Content-Type" })
        case .failed: return ProblemDetails.preconditionFailed.response(now: now)
        }
    }
}
