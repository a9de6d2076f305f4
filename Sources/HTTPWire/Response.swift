// An answer as a value: its status with its phrase, its fields, its content, and how content of
// unknown length is delimited.

/// An answer. The writer adds Content-Length, Date and Connection.
public struct Response: Equatable, Sendable {
    public var status: Int
    public var fields: [Field]
    public var body: [UInt8]

    public init(status: Int, fields: [Field] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// One field of an answer.
public struct Field: Equatable, Sendable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// The properties of a request that determine the form of its answer.
public struct AnswerShape: Equatable, Sendable {
    /// The request was HEAD: the answer has no content (RFC 9110 9.3.2).
    public var isHead: Bool
    public var version: Version
    /// The connection persists after the answer.
    public var keepAlive: Bool

    public init(isHead: Bool, version: Version, keepAlive: Bool) {
        self.isHead = isHead
        self.version = version
        self.keepAlive = keepAlive
    }
}

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

/// The content of an answer, or of a piece of one, as consecutive parts.
///
/// Large parts share the storage that they are slices of, so that a thousand answers with the same
/// megabyte store it once; small parts are copied together.
public struct Content: Sendable {
    public private(set) var parts: [ArraySlice<UInt8>] = []
    public private(set) var count = 0
    /// The number of bytes that were copied.
    public private(set) var gatheredCount = 0
    /// Whether the last part is a copy that can be appended to.
    private var isGathering = false

    /// Up to this size copying costs less than a separate part.
    public static let gatheredMax = 4096

    public init() {}

    public init(_ bytes: [UInt8]) { append(bytes[...]) }

    public mutating func append(_ bytes: [UInt8]) { append(bytes[...]) }

    public mutating func append(_ bytes: ArraySlice<UInt8>) {
        count += bytes.count
        let isSmall = bytes.count <= Self.gatheredMax
        if !isGathering || !isSmall { parts.append(isSmall ? [] : bytes) }
        isGathering = isSmall
        guard isSmall else { return }
        gatheredCount += bytes.count
        parts[parts.count - 1] += bytes
    }

    /// The whole content in one array.
    public var bytes: [UInt8] { parts.reduce(into: []) { $0 += $1 } }
}

/// The reason phrases of status codes, for people only: clients must not rely on them (RFC 9112 4).
enum StatusPhrase {
    static func of(_ status: Int) -> StaticString {
        switch status {
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 303: "See Other"
        case 304: "Not Modified"
        case 307: "Temporary Redirect"
        case 308: "Permanent Redirect"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 402: "Payment Required"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 502: "Bad Gateway"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 505: "HTTP Version Not Supported"
        default: ""
        }
    }
}
