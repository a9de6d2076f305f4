// One upstream as the settings describe it: its URL, the time for a call, trusted certificates, and
// credentials.

internal import StatusCore

/// A client's description of its upstream. An instance is always valid.
public struct UpstreamEndpoint: Sendable {
    public let baseURL: UpstreamURL
    /// The path below the base URL; `{id}` is replaced by the action's id.
    public let path: String
    /// For the whole call: name look-up, connect, TLS, request and answer.
    public let timeout: Duration
    /// PEM certificates that are trusted besides the system's.
    public let caFile: String?
    public let userAgent: String
    public let credentials: UpstreamCredentials

    public static let timeoutMin = Duration.milliseconds(1)
    public static let timeoutMax = Duration.seconds(3600)
    public static let userAgentBytesMax = 256

    /// - Throws: for a part that could never work.
    public init(
        baseURL: UpstreamURL, path: String, timeout: Duration, caFile: String? = nil,
        userAgent: String, credentials: UpstreamCredentials
    ) throws(EndpointFailure) {
        guard timeout >= Self.timeoutMin, timeout <= Self.timeoutMax else {
            throw .timeoutOutOfRange
        }
        guard (1...Self.userAgentBytesMax).contains(userAgent.utf8.count),
            userAgent.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else { throw .unsendableUserAgent }
        try credentials.check()
        if let end = Self.repeatedEnd(of: baseURL, String(path.prefix { $0 != "{" })) {
            throw .baseHoldsPath(end)
        }
        self.baseURL = baseURL
        self.path = path
        self.timeout = timeout
        self.caFile = caFile
        self.userAgent = userAgent
        self.credentials = credentials
    }

    /// The URL of an action's state.
    ///
    /// An id consists of RFC 3986's unreserved characters and ':', which need no encoding in a path
    /// segment or a query (sections 3.3 and 3.4).
    func url(of id: ActionID) -> String {
        baseURL.appending(path.replacing("{id}", with: id.text))
    }

    /// The end of the base URL that the path below it would repeat: `/v1`, `/v1/async-actions`, or
    /// another version. Every call would get a 404.
    private static func repeatedEnd(of base: UpstreamURL, _ path: String) -> String? {
        let segments = base.path.split(separator: "/")
        let added = path.split(separator: "/")
        guard !added.isEmpty else { return nil }
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

/// Why an endpoint could never work. Contains no secrets.
public enum EndpointFailure: Error, Sendable, Equatable, CustomStringConvertible {
    case timeoutOutOfRange
    /// The base URL ends in a part of the path that is added for every call.
    case baseHoldsPath(String)
    case unsendableUserAgent
    /// The part is empty, too long, or has characters that cannot be sent at its place.
    case unsendable(CredentialPart)

    public var description: String {
        switch self {
        case .timeoutOutOfRange: "the time-out must be from 1ms to 3600s"
        case .baseHoldsPath(let end):
            "the URL ends in \(end), which the API's path adds: give the URL without it"
        case .unsendableUserAgent:
            "the user agent must be 1 to \(UpstreamEndpoint.userAgentBytesMax) printable characters"
        case .unsendable(let part):
            "the \(part.rawValue) must be 1 to \(Secret.bytesMax) printable characters without a line end, and"
                + " without a blank at either end"
        }
    }
}
