// The syntax of field lines, and the meaning of fields that control a connection.

enum FieldRules {
    /// field-line = field-name ":" OWS field-value OWS (RFC 9112 5). The line reader guarantees
    /// that HTAB is its only control byte.
    static func fieldLine(
        _ bytes: Span<UInt8>, at line: Range<Int>
    ) throws(Refusal) -> FieldLine {
        // RFC 9112 5.2: a server MUST refuse or replace obs-fold. RFC 9112 2.2: the same for blanks
        // between the request line and the first field.
        guard !bytes[line.lowerBound].isBlank else { throw .foldedField }
        let colon = bytes.firstIndex(notIn: .token, in: line)
        guard colon < line.upperBound else { throw .fieldLine }
        // RFC 9112 5.1: a blank between name and colon MUST be refused with 400.
        guard bytes[colon] == UInt8(ascii: ":"), colon > line.lowerBound else { throw .fieldName }
        return FieldLine(
            name: line.lowerBound..<colon, value: bytes.trimmed(colon + 1..<line.upperBound))
    }

    /// Reads the fields that this module applies: Host, Connection, Content-Length,
    /// Transfer-Encoding, Expect. Also notes whether a browser sent the request.
    static func apply(_ bytes: Span<UInt8>, to head: inout RequestHead) throws(Refusal) {
        var host: Range<Int>?
        var connection = ConnectionOptions()
        var lengths = LengthFields()
        for index in head.fields.indices {
            let field = head.fields[index]
            switch field.name.count {
            case 4 where field.isNamed("host", in: bytes):
                // RFC 9112 3.2: more than one Host MUST be answered with 400.
                guard host == nil else { throw .hostRepeated }
                host = field.value
            case 6 where field.isNamed("expect", in: bytes):
                try readExpectation(bytes, at: field.value, into: &head)
            // No page can prevent its browser from adding these. To a host name with plain http,
            // Chromium sends neither Origin nor Sec-Fetch-Site with a page's requests to its own
            // origin.
            case 6 where field.isNamed("origin", in: bytes),
                14 where field.isNamed("sec-fetch-site", in: bytes),
                15 where field.isNamed("accept-language", in: bytes):
                head.hasBrowserMark = true
            case 10 where field.isNamed("connection", in: bytes):
                connection.read(bytes, at: field.value)
            case 14 where field.isNamed("content-length", in: bytes):
                try lengths.readLength(bytes, at: field.value)
            case 17 where field.isNamed("transfer-encoding", in: bytes):
                lengths.readCodings(bytes, at: field.value)
            default:
                break
            }
        }
        try checkHost(bytes, host, &head)
        head.framing = try lengths.framing(in: head.version)
        head.keepAlive = connection.keepsAlive(in: head.version)
        if head.framing == .none { head.expectsContinue = false }
    }

    /// RFC 9112 3.2: a 1.1 request without Host, and any request with an invalid one, MUST be
    /// answered with 400. An empty value is right for a target without an authority.
    private static func checkHost(
        _ bytes: Span<UInt8>, _ host: Range<Int>?, _ head: inout RequestHead
    ) throws(Refusal) {
        guard let host else {
            guard head.version == .http10 else { throw .hostMissing }
            return
        }
        _ = try TargetRules.hostAndPort(bytes, at: host, failure: .host)
        if head.authority == nil { head.authority = host }
    }

    /// RFC 9110 10.1.1: the only expectation is 100-continue, any case; in a 1.0 request it MUST be
    /// ignored.
    private static func readExpectation(
        _ bytes: Span<UInt8>, at value: Range<Int>, into head: inout RequestHead
    ) throws(Refusal) {
        guard head.version == .http11 else { return }
        guard bytes.matches("100-continue", at: value) else { throw .expectation }
        head.expectsContinue = true
    }
}

/// Which connection options were named (RFC 9110 7.6.1).
private struct ConnectionOptions {
    private var close = false
    private var keepAlive = false

    mutating func read(_ bytes: Span<UInt8>, at value: Range<Int>) {
        // Nearly always it is the only option.
        if bytes.matches("keep-alive", at: value) { return keepAlive = true }
        bytes.forEachElement(of: value) { option in
            if bytes.matches("close", at: option) { close = true }
            if bytes.matches("keep-alive", at: option) { keepAlive = true }
        }
    }

    /// In the order of RFC 9112 9.3.
    func keepsAlive(in version: Version) -> Bool {
        if close { return false }
        return version == .http11 || keepAlive
    }
}

extension Span<UInt8> {
    /// Calls `body` for each element of a comma-separated list, without surrounding blanks; empty
    /// elements are skipped (RFC 9110 5.6.1.2). Only for lists without quoted commas.
    public func forEachElement(of range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        while start <= range.upperBound {
            let comma =
                firstIndex(of: UInt8(ascii: ","), in: start..<range.upperBound) ?? range.upperBound
            let element = trimmed(start..<comma)
            if !element.isEmpty { body(element) }
            start = comma + 1
        }
    }
}
