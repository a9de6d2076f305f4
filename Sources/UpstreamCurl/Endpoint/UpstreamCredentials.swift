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

/// A token, a client secret, an application token.
public struct Secret: Sendable, Equatable {
    /// Keeps a request with two secrets, its URL and its other fields under 16 KiB, the most that
    /// libcurl passes to a socket or to TLS in one piece.
    public static let bytesMax = 6 * 1024

    /// Only for requests. Must never reach a log, an error or a metric.
    let text: String

    public init(_ text: String) { self.text = text }

    /// True when the text can be sent in an HTTP field: 1 to ``bytesMax`` visible ASCII characters.
    /// CR and LF could inject further fields (RFC 9110, section 5.5).
    var isFieldSafe: Bool {
        (1...Self.bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// True when the text can be sent in a form, where it is encoded: not empty, at most
    /// ``bytesMax``, without control characters, and without blanks or a byte order mark at either
    /// end, which come from misread files or careless pastes.
    var isFormSafe: Bool {
        (1...Self.bytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
            && text.utf8.first != 0x20 && text.utf8.last != 0x20
            && text.unicodeScalars.first != "\u{FEFF}"
    }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "[secret]" }
    public var debugDescription: String { "[secret]" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
