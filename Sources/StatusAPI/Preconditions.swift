// The preconditions of a request (RFC 9110 13), evaluated against the answer that it would get.

public import HTTPWire
public import StatusCore

/// The preconditions of one request.
///
/// No answer has a modification date or ranges, so If-Modified-Since, If-Unmodified-Since and
/// If-Range are ignored (RFC 9110 13.1.3 to 13.1.5).
public struct Preconditions: Sendable, Equatable {
    public internal(set) var match: TagCondition?
    public internal(set) var noneMatch: TagCondition?

    public init() {}

    /// The effect on an answer that would be 2xx. Other answers ignore conditions (RFC 9110
    /// 13.2.1).
    public enum Verdict: Sendable {
        case serve
        /// 304.
        case notModified
        /// 412.
        case failed
    }

    /// In the order of RFC 9110 13.2.2. `tag`: nil for an answer without a tag.
    public func verdict(_ tag: EntityTag?) -> Verdict {
        // If-Match compares strongly, and a weak tag never matches strongly (RFC 9110 8.8.3.2). All
        // our tags are weak, so only `*` matches.
        if let match, match != .any { return .failed }
        if let noneMatch, noneMatch.matches(tag) { return .notModified }
        return .serve
    }

    /// The answer, or the 304 or 412 that replaces it. `tag`: nil for an answer without a tag.
    public func applied(
        to response: Response, tag: EntityTag? = nil, now: Instant
    ) -> Response {
        guard (200..<300).contains(response.status) else { return response }
        switch verdict(tag) {
        case .serve: return response
        case .notModified:
            // RFC 9110 15.4.5: without content, and without fields that describe it.
            return Response(
                status: 304, fields: response.fields.filter { $0.name != "Content-Type" })
        case .failed: return ProblemDetails.preconditionFailed.response(now: now)
        }
    }
}
