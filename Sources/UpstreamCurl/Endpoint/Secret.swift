// A text that must never be shown, such as a token or a password: printing, dumping and
// interpolating it give "[secret]".

/// A token, a client secret, an application token.
public struct Secret: Sendable, Equatable {
    /// Keeps a request with two secrets, its URL and its other fields under 16 KiB, the most that
    /// libcurl passes to a socket or to TLS in one piece.
    public static let bytesMax = 6 * 1024

    /// Only for requests. Must never reach a log, an error or a metric.
    let text: String

    public init(_ text: String) { self.text = text }

    /// True when the text can be sent in an HTTP field: 1 to ``bytesMax`` visible ASCII characters.
    /// CR and LF could inject further fields (RFC 9110, section 5.5).
    var isFieldSafe: Bool {
        (1...Self.bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// True when the text can be sent in a form, where it is encoded: not empty, at most
    /// ``bytesMax``, without control characters, and without blanks or a byte order mark at either
    /// end, which come from misread files or careless pastes.
    var isFormSafe: Bool {
        (1...Self.bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            && text.utf8.first != 0x20 && text.utf8.last != 0x20
            && text.unicodeScalars.first != "\u{FEFF}"
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "[secret]" }
    public var debugDescription: String { "[secret]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
