// Everything that can be wrong with a request's bytes, and the status that says so.

/// Why a request is not served. The connection is closed after the answer: either the framing is in
/// doubt, or the rest of the message would have to be read for nothing.
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

    /// What is wrong, in words for the caller.
    public var reason: String {
        switch self {
        case .emptyLines: "too many empty lines before the request line"
        case .bareCarriageReturn: "a CR without LF"
        case .bareLineFeed: "a line that ends in LF without CR"
        case .controlByte: "a control byte in the header section"
        case .requestLine: "the request line is not: method, space, target, space, version"
        case .method: "the method is not a token"
        case .methodTooLong: "the method is longer than any known one"
        case .methodUnknown: "the method is not known"
        case .target: "the request target is malformed"
        case .targetTooLong: "the request target is too long"
        case .version: "the HTTP version is malformed"
        case .versionUnsupported: "only HTTP/1.1 and HTTP/1.0 are spoken"
        case .fieldLine: "a field line without a colon"
        case .fieldName: "a field name is not a token"
        case .foldedField: "a folded field line"
        case .headTooLarge: "request line and header section are too large"
        case .tooManyFields: "too many fields"
        case .hostMissing: "Host is missing"
        case .hostRepeated: "more than one Host"
        case .host: "Host is malformed"
        case .contentLength: "Content-Length is not a number"
        case .contentLengthRepeated: "more than one Content-Length"
        case .lengthAndCoding: "both Content-Length and Transfer-Encoding"
        case .transferCoding: "Transfer-Encoding does not end in one chunked"
        case .transferCodingUnknown: "only the chunked transfer coding is understood"
        case .transferCodingInOldVersion: "Transfer-Encoding in HTTP/1.0"
        case .contentTooLarge: "the content is too large"
        case .chunk: "a chunk is malformed"
        case .chunkExtensionsTooLarge: "the chunk extensions are too large"
        case .trailerTooLarge: "the trailer section is too large"
        case .expectation: "only the expectation 100-continue is understood"
        case .timedOut: "the request took too long to arrive"
        case .endedEarly: "the connection ended inside the request"
        }
    }
}
