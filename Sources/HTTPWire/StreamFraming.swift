// Answers whose length nobody knows yet: how their pieces are told apart from what follows.

/// How the content of an answer in pieces is delimited (RFC 9112 6.3).
public enum StreamFraming: Equatable, Sendable {
    /// The request was HEAD: there is no content.
    case none
    case chunked
    /// HTTP/1.0 knows no chunks: the content ends with the connection.
    case untilClose
}

extension AnswerShape {
    public var streamFraming: StreamFraming {
        if isHead { return .none }
        return version == .http11 ? .chunked : .untilClose
    }
}

extension ResponseWriter {
    /// Writes one piece of content. An empty one would end the answer, so none is written.
    public mutating func piece(_ bytes: Span<UInt8>, _ framing: StreamFraming) {
        guard !bytes.isEmpty, framing != .none else { return }
        if framing == .chunked {
            append(hexadecimal: bytes.count)
            append("\r\n")
        }
        appendRaw(bytes)
        if framing == .chunked { append("\r\n") }
    }

    private mutating func append(hexadecimal number: Int) {
        append(String(number, radix: 16))
    }
}
