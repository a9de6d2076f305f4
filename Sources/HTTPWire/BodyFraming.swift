// Where a request's content ends (RFC 9112 6.3). Every doubtful case is refused: request smuggling
// exploits two readers of a connection that disagree about an end.

/// How the end of the content is found.
public enum BodyFraming: Equatable, Sendable {
    /// No content: neither Content-Length nor Transfer-Encoding, or a length of 0.
    case none
    /// That many bytes, at least 1.
    case length(Int)
    case chunked
}

/// The fields that determine the framing, collected over the header section.
struct LengthFields {
    private var length: Int?
    private var hasCodings = false
    private var chunkedCount = 0
    private var otherCodings = 0
    private var lastIsChunked = false

    /// RFC 9112 6.3 item 5 accepts a repeated but equal value; RFC 9110 8.6 permits a refusal.
    /// Content-Length = 1*DIGIT: no sign, no list, no blank inside.
    mutating func readLength(_ bytes: Span<UInt8>, at value: Range<Int>) throws(Refusal) {
        guard length == nil else { throw .contentLengthRepeated }
        guard !value.isEmpty else { throw .contentLength }
        var number = 0
        for index in value {
            guard bytes[index].isDigit else { throw .contentLength }
            // Exceeds any limit already; RFC 9110 8.6 warns of overflow.
            if number > Int.max / 16 { continue }
            number = number * 10 + Int(bytes[index] - 0x30)
        }
        length = number
    }

    /// Several fields make one list (RFC 9110 5.3).
    mutating func readCodings(_ bytes: Span<UInt8>, at value: Range<Int>) {
        hasCodings = true
        bytes.forEachElement(of: value) { coding in
            lastIsChunked = bytes.matches("chunked", at: coding)
            if lastIsChunked { chunkedCount += 1 } else { otherCodings += 1 }
        }
    }

    func framing(in version: Version) throws(Refusal) -> BodyFraming {
        guard hasCodings else {
            guard let length, length > 0 else { return .none }
            return .length(length)
        }
        // RFC 9112 6.1: a Transfer-Encoding in a 1.0 message MUST count as faulty framing.
        guard version == .http11 else { throw .transferCodingInOldVersion }
        // RFC 9112 6.1: both together may be an attempt at smuggling and can be refused.
        guard length == nil else { throw .lengthAndCoding }
        // RFC 9112 6.3 item 4: 400 if chunked is not last. RFC 9112 6.1: it is never applied twice.
        guard lastIsChunked, chunkedCount == 1 else { throw .transferCoding }
        // RFC 9112 6.1: 501 for an unknown coding.
        guard otherCodings == 0 else { throw .transferCodingUnknown }
        return .chunked
    }
}
