// The lines of a response's head (RFC 9112 4 and 5).

extension OutputCursor {
    /// RFC 9112 4: the version is the server's, not the peer's.
    @inline(__always)
    mutating func statusLine(_ status: Int) {
        // Nearly every answer is this one.
        guard status != 200 else { return append("HTTP/1.1 200 OK\r\n") }
        append("HTTP/1.1 ")
        append(decimal: status)
        append(" ")
        append(StatusPhrase.of(status))
        endLine()
    }

    /// One field line, its end included.
    public mutating func field(_ field: Field) {
        appendText(field.name)
        append(": ")
        appendText(field.value)
        endLine()
    }

    @inlinable @inline(__always)
    public mutating func endLine() { append("\r\n") }

    /// Text from outside: characters that would end the line become spaces (RFC 9110 5.5).
    private mutating func appendText(_ text: String) {
        for byte in text.utf8 {
            put(byte == .carriageReturn || byte == .lineFeed || byte == 0 ? .space : byte)
        }
    }
}

extension [Field] {
    /// The room that `OutputCursor.field(_:)` needs for all fields.
    var wireBytes: Int { reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 4 } }
}
