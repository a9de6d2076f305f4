// One upstream as the settings describe it: where it is, how long a call may take, whom we trust,
// and with what we name ourselves.

internal import Glibc
public import StatusCore

/// What a client needs to know of its upstream. Valid once it exists.
public struct UpstreamEndpoint: Sendable {
    public let source: Source
    public let baseURL: UpstreamURL
    /// For the whole call: name look-up, connect, TLS, request and answer.
    public let timeout: Duration
    /// PEM certificates that are trusted besides the system's.
    public let caFile: String?
    public let userAgent: String
    public let credentials: UpstreamCredentials

    public static let timeoutMin = Duration.milliseconds(1)
    public static let timeoutMax = Duration.seconds(3600)
    public static let userAgentBytesMax = 256

    /// Throws when a part of it could never work.
    public init(
        source: Source, baseURL: UpstreamURL, timeout: Duration, caFile: String? = nil,
        userAgent: String, credentials: UpstreamCredentials
    ) throws(EndpointFailure) {
        guard timeout >= Self.timeoutMin, timeout <= Self.timeoutMax else {
            throw .timeoutOutOfRange
        }
        guard (1...Self.userAgentBytesMax).contains(userAgent.utf8.count),
            userAgent.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { throw .unsendable("user agent") }
        if let caFile, access(caFile, R_OK) != 0 { throw .caFileUnreadable(errno: errno) }
        try credentials.check()
        self.source = source
        self.baseURL = baseURL
        self.timeout = timeout
        self.caFile = caFile
        self.userAgent = userAgent
        self.credentials = credentials
    }

    /// As many actions as a list tells at most (Voucherify, "List Async Actions").
    static let listLimit = 100

    /// Where an action's state, or the list of the newest actions, is asked for.
    ///
    /// The id is one path segment: its characters are RFC 3986's unreserved ones and ':', which a
    /// segment may hold as it is (section 3.3), so nothing is left to encode.
    func url(of id: ActionID) -> String {
        switch source {
        case .orders: baseURL.appending("/v2/orders/actions/\(id.text)")
        case .vouchers where id == .list:
            baseURL.appending("/v1/async-actions?limit=\(Self.listLimit)")
        case .vouchers: baseURL.appending("/v1/async-actions/\(id.text)")
        }
    }
}

/// Why an endpoint could never work. Free of secrets.
public enum EndpointFailure: Error, Sendable, Equatable, CustomStringConvertible {
    case timeoutOutOfRange
    case caFileUnreadable(errno: Int32)
    /// The part that is empty, too long, or holds what its place in a request cannot carry.
    case unsendable(String)

    public var description: String {
        switch self {
        case .timeoutOutOfRange: "the time-out must be from 1ms to 3600s"
        case .caFileUnreadable(let errno):
            "the CA file cannot be read: \(String(cString: strerror(errno)))"
        case .unsendable(let part):
            "the \(part) must be 1 to \(Secret.bytesMax) printable characters without a line end"
        }
    }
}
