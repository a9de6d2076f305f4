// Everything that can be wrong with a request's bytes, with the status of the answer.

/// Why a request is refused. The connection is closed after the answer: either the framing is in
/// doubt, or reading the rest of the message would serve no purpose.
public enum Refusal: Error, Equatable, CaseIterable, Sendable {
    case emptyLines
    case bareCarriageReturn
    case bareLineFeed
    case controlByte
    case requestLine
    case method
    case methodTooLong
    case methodUnknown
    case target
    case targetTooLong
    case version
    case versionUnsupported
    case fieldLine
    case fieldName
    case foldedField
    case headTooLarge
    case tooManyFields
    case hostMissing
    case hostRepeated
    case host
    case contentLength
    case contentLengthRepeated
    case lengthAndCoding
    case transferCoding
    case transferCodingUnknown
    case transferCodingInOldVersion
    case contentTooLarge
    case chunk
    case chunkExtensionsTooLarge
    case trailerTooLarge
    case expectation
    case timedOut
    case endedEarly

    /// The status code of the answer.
    public var status: Int {
        switch self {
        case .timedOut: 408
        case .contentTooLarge, .chunkExtensionsTooLarge: 413
        case .targetTooLong: 414
        case .expectation: 417
        case .headTooLarge, .tooManyFields, .trailerTooLarge: 431
        case .methodTooLong, .methodUnknown, .transferCodingUnknown: 501
        case .versionUnsupported: 505
        default: 400
        }
    }

    /// The cause as a clause, for the caller and the log.
    public var reason: String {
        switch self {
        case .emptyLines: "there are too many empty lines before the request line"
        case .bareCarriageReturn: "a line has a CR without LF"
        case .bareLineFeed: "a line ends in LF without CR"
        case .controlByte: "the header section has a control byte"
        case .requestLine: "the request line is not 'method target version' with single spaces"
        case .method: "the method is not a token"
        case .methodTooLong: "the method is longer than any known method"
        case .methodUnknown: "the method is not known"
        case .target: "the request target is malformed"
        case .targetTooLong: "the request target is too long"
        case .version: "the HTTP version is malformed"
        case .versionUnsupported: "only HTTP/1.1 and HTTP/1.0 are supported"
        case .fieldLine: "a field line has no colon"
        case .fieldName: "a field name is not a token"
        case .foldedField: "a field line is folded"
        case .headTooLarge: "the request line and the header section are too large"
        case .tooManyFields: "there are too many fields"
        case .hostMissing: "the Host field is missing"
        case .hostRepeated: "there is more than one Host field"
        case .host: "the Host field is malformed"
        case .contentLength: "the Content-Length field is not a number"
        case .contentLengthRepeated: "there is more than one Content-Length field"
        case .lengthAndCoding: "Content-Length and Transfer-Encoding are both present"
        case .transferCoding: "Transfer-Encoding does not end in a single chunked coding"
        case .transferCodingUnknown: "only the chunked transfer coding is supported"
        case .transferCodingInOldVersion: "HTTP/1.0 has no Transfer-Encoding"
        case .contentTooLarge: "the content is too large"
        case .chunk: "a chunk is malformed"
        case .chunkExtensionsTooLarge: "the chunk extensions are too large"
        case .trailerTooLarge: "the trailer section is too large"
        case .expectation: "only the expectation 100-continue is supported"
        case .timedOut: "the request took too long to arrive"
        case .endedEarly: "the connection ended inside the request"
        }
    }
}
