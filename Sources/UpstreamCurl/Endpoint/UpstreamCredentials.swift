// The credentials for an upstream.

public import StatusCore

/// How the service authenticates to an upstream.
public enum UpstreamCredentials: Sendable, Equatable {
    /// Fields of every call; empty if the upstream requires none.
    case fields([CredentialField])
    /// OAuth client credentials (RFC 6749, section 4.4): a token is fetched and renewed with them.
    case clientCredentials(ClientCredentials)

    /// A given bearer token (RFC 6750, section 2.1).
    public static func bearer(_ token: Secret) -> UpstreamCredentials {
        .fields([CredentialField(name: "Authorization", scheme: "Bearer ", token, part: .token)])
    }

    /// - Throws: `.unsendable` for a part that cannot be sent.
    func check() throws(EndpointFailure) {
        switch self {
        case .fields(let fields):
            for field in fields where !field.secret.isFieldSafe { throw .unsendable(field.part) }
        case .clientCredentials(let client):
            guard Secret(client.clientID).isFormSafe else { throw .unsendable(.clientID) }
            guard client.clientSecret.isFormSafe else { throw .unsendable(.clientSecret) }
            for field in client.form {
                guard Secret(field.value).isFormSafe else { throw .unsendable(field.part) }
            }
        }
    }
}

/// A part of the credentials, to name the setting that gave it.
public enum CredentialPart: String, Sendable {
    case token
    case applicationID = "application id"
    case applicationToken = "application token"
    case clientID = "client id"
    case clientSecret = "client secret"
    case audience
    case tokenForm = "token form"
}

/// A field that carries a credential.
public struct CredentialField: Sendable, Equatable {
    public var name: String
    /// The text before the secret.
    public var scheme: String
    public var secret: Secret
    public var part: CredentialPart

    public init(name: String, scheme: String = "", _ secret: Secret, part: CredentialPart) {
        self.name = name
        self.scheme = scheme
        self.secret = secret
        self.part = part
    }

    var field: UpstreamReply.Field { UpstreamReply.Field(name, scheme + secret.text) }
}

/// The data for fetching a token.
public struct ClientCredentials: Sendable, Equatable {
    public var tokenURL: UpstreamURL
    public var clientID: String
    public var clientSecret: Secret
    public var authentication: TokenAuthentication
    /// Fields of the form besides those of RFC 6749, section 4.4.2.
    public var form: [FormField]

    public struct FormField: Sendable, Equatable {
        public var name: String
        public var value: String
        public var part: CredentialPart

        public init(_ name: String, _ value: String, part: CredentialPart = .tokenForm) {
            self.name = name
            self.value = value
            self.part = part
        }
    }

    public init(
        tokenURL: UpstreamURL, clientID: String, clientSecret: Secret,
        authentication: TokenAuthentication = .post, form: [FormField] = []
    ) {
        self.tokenURL = tokenURL
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.authentication = authentication
        self.form = form
    }
}
