// A text that must never be shown: what comes in is a token or a password, what comes out of any
// printing, dumping or interpolating is "[secret]".

/// A token, a client secret, an application token.
public struct Secret: Sendable, Equatable {
    /// So that a request with two of them, its URL and its other fields stays under 16 KiB, the most
    /// that libcurl hands to a socket or to TLS in one piece.
    public static let bytesMax = 6 * 1024

    /// Only for the wire. Never goes into a log, an error or a metric.
    let text: String

    public init(_ text: String) { self.text = text }

    /// True when the text can stand in an HTTP field: 1 to ``bytesMax`` visible ASCII characters.
    /// CR and LF would let it write fields of its own (RFC 9110, section 5.5).
    var isFieldSafe: Bool {
        (1...Self.bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// True when the text can stand in a form, where all is encoded: not empty, not over
    /// ``bytesMax``, without control characters, and without what a badly read file or a careless
    /// paste brings at the ends: blanks and a byte order mark.
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
