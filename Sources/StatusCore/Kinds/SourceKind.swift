// The common properties of one kind of source: defaults, limits of the vendor, credentials, and the
// API.

/// A kind of source. To add one, add a file here, and an entry in ``all``.
public struct SourceKind: Sendable {
    public let name: String
    /// The default base URL; nil: it has to be set.
    public var baseURL: String?
    public var minInterval = Duration.seconds(60)
    /// The vendor's least interval, for all but loopback addresses.
    public var leastInterval = Duration.milliseconds(1)
    public var maxInterval = Duration.seconds(300)
    public var timeout = Duration.seconds(10)
    public var callsPerMinute = 60
    /// Nil: not limited.
    public var callsPerDay: Int?
    public var idPattern: IDPattern?
    public var credentials: CredentialForms
    /// Nil: a description file is required.
    public var api: SourceAPI?

    public static let all = [miraklOrders, miraklConversations, voucherify, json]

    public static func named(_ name: String) -> SourceKind? { all.first { $0.name == name } }
}

/// The path of an action's state, and the reader of the answer.
public struct SourceAPI: Sendable {
    /// Below the base URL; `{id}` stands for the action's id.
    public var path: String
    public var reader: any StateReader

    public init(path: String, reader: any StateReader) {
        self.path = path
        self.reader = reader
    }
}

/// The forms of credentials that a kind accepts. Every kind accepts client credentials (RFC 6749,
/// section 4.4).
public struct CredentialForms: Sendable {
    /// A given token.
    public var token = false
    /// The token may be sent in another field than `Authorization`.
    public var tokenField = false
    /// The token endpoint, below the base URL if it begins with a slash; nil: it has to be set.
    public var tokenURL: String?
    /// How the client authenticates there.
    public var tokenAuthentication = TokenAuthentication.post
    /// The token endpoint accepts an `audience`.
    public var audience = false
    public var applicationKeys: ApplicationKeyFields?
    /// Whether the API can be called without credentials.
    public var areOptional = false

    /// The names of the fields that carry an application's id and token.
    public struct ApplicationKeyFields: Sendable {
        public var id: String
        public var token: String
    }
}

/// How a client authenticates at a token endpoint (RFC 6749, section 2.3.1).
public enum TokenAuthentication: String, CaseIterable, Sendable {
    /// In the form.
    case post
    /// In the field `Authorization`.
    case basic
}

/// Reads the state of an action from a body. Relies on nothing that its API does not promise.
public protocol StateReader: Sendable {
    /// The state in the body of a 2xx answer.
    func action(
        in body: JSONValue, of source: Source, asked id: ActionID
    ) throws(BodyFault) -> Action

    /// Whether the body of a 404 shows that the API itself does not know the action, and not a
    /// gateway or a wrong base URL.
    func isNotFound(_ body: JSONValue) -> Bool
}
