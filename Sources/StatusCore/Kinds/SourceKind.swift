// What the sources of one kind have in common: defaults, limits of the vendor, credentials, and the API.

/// A kind of source. A further one is one more file here, and an entry in ``all``.
public struct SourceKind: Sendable {
    public let name: String
    /// Where the API is, unless that is set; nil: it has to be.
    public var baseURL: String?
    public var minInterval = Duration.seconds(60)
    /// What the vendor demands at least, of all but loopback addresses.
    public var leastInterval = Duration.milliseconds(1)
    public var maxInterval = Duration.seconds(300)
    public var timeout = Duration.seconds(10)
    public var callsPerMinute = 60
    /// Nil: as many as the minutes allow.
    public var callsPerDay: Int?
    public var idPattern: IDPattern?
    public var credentials: CredentialForms
    /// Nil: a description file has to be given.
    public var api: SourceAPI?

    public static let all = [miraklOrders, miraklConversations, voucherify, json]

    public static func named(_ name: String) -> SourceKind? { all.first { $0.name == name } }
}

/// Where an action's state is asked for, and how the answer is read.
public struct SourceAPI: Sendable {
    /// Below the base URL; `{id}` stands for the action's id.
    public var path: String
    public var reader: any StateReader

    public init(path: String, reader: any StateReader) {
        self.path = path
        self.reader = reader
    }
}

/// The ways in which the sources of a kind may be given credentials. Client credentials (RFC 6749, section
/// 4.4) are one for every kind.
public struct CredentialForms: Sendable {
    /// A ready token.
    public var token = false
    /// The token may go into another field than `Authorization`.
    public var tokenField = false
    /// The token endpoint, below the base URL if it begins with a slash; nil: it has to be given.
    public var tokenURL: String?
    /// How the client names itself there.
    public var tokenAuthentication = TokenAuthentication.post
    /// The token endpoint takes an `audience`.
    public var audience = false
    public var applicationKeys: ApplicationKeyFields?
    /// It can be asked without any.
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
