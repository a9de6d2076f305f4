// One upstream as the settings describe it: where it is, how long a call may take, whom we trust,
// and with what we name ourselves.

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
        try credentials.check()
        if let end = Self.repeatedEnd(of: baseURL, Self.path(at: source)) {
            throw .baseHoldsPath(end)
        }
        self.source = source
        self.baseURL = baseURL
        self.timeout = timeout
        self.caFile = caFile
        self.userAgent = userAgent
        self.credentials = credentials
    }

    /// Where an action's state is asked for.
    ///
    /// The id is one path segment: its characters are RFC 3986's unreserved ones and ':', which a
    /// segment may hold as it is (section 3.3), so nothing is left to encode.
    func url(of id: ActionID) -> String {
        baseURL.appending("\(Self.path(at: source))/\(id.text)")
    }

    private static func path(at source: Source) -> String {
        switch source {
        case .orders: "/v2/orders/actions"
        case .vouchers: "/v1/async-actions"
        }
    }

    /// The end of the base URL that the path below it would bring again: `/v1`, `/v1/async-actions`, or
    /// another version. Every call would be a 404.
    private static func repeatedEnd(of base: UpstreamURL, _ path: String) -> String? {
        let segments = base.path.split(separator: "/")
        let added = path.split(separator: "/")
        for count in (1...added.count).reversed() where segments.count >= count {
            let end = segments.suffix(count)
            let isSame = zip(end, added).allSatisfy { $0.lowercased() == $1 }
            let isVersion =
                count == 1 && end.allSatisfy { $0.lowercased().wholeMatch(of: /v[0-9]+/) != nil }
            if isSame || isVersion { return "/" + end.joined(separator: "/") }
        }
        return nil
    }
}

/// Why an endpoint could never work. Free of secrets.
public enum EndpointFailure: Error, Sendable, Equatable, CustomStringConvertible {
    case timeoutOutOfRange
    /// The end of the base URL that is added to it for every call.
    case baseHoldsPath(String)
    /// The part that is empty, too long, or holds what its place in a request cannot carry.
    case unsendable(String)

    public var description: String {
        switch self {
        case .timeoutOutOfRange: "the time-out must be from 1ms to 3600s"
        case .baseHoldsPath(let end):
            "the URL ends in \(end), and the API's path is added to it: give it without"
        case .unsendable(let part):
            "the \(part) must be 1 to \(Secret.bytesMax) printable characters without a line end, and"
                + " without a blank at either end"
        }
    }
}
