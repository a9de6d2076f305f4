// The framing of answers whose length is not known at the start.

/// How the content of an answer in pieces is delimited (RFC 9112 6.3).
public enum StreamFraming: Equatable, Sendable {
    /// The request was HEAD: there is no content.
    case none
    case chunked
    /// HTTP/1.0 has no chunks: the content ends with the connection.
    case untilClose
}

extension AnswerShape {
    public var streamFraming: StreamFraming {
        if isHead { return .none }
        return version == .http11 ? .chunked : .untilClose
    }
}
