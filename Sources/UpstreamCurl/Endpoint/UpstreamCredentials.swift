// With what we name ourselves to an upstream.

/// One of the ways in which the two vendors let us in.
public enum UpstreamCredentials: Sendable, Equatable {
    /// A ready bearer token.
    case bearer(Secret)
    /// OAuth client credentials (RFC 6749, section 4.4): a token is fetched and renewed with them.
    case clientCredentials(ClientCredentials)
    /// `X-App-Id` and `X-App-Token`.
    case applicationKeys(appID: String, token: Secret)

    /// Throws when a part cannot be sent.
    func check() throws(EndpointFailure) {
        switch self {
        case .bearer(let token):
            guard token.isFieldSafe else { throw .unsendable("token") }
        case .applicationKeys(let appID, let token):
            guard Secret(appID).isFieldSafe else { throw .unsendable("application id") }
            guard token.isFieldSafe else { throw .unsendable("application token") }
        case .clientCredentials(let client):
            guard Secret(client.clientID).isFormSafe else { throw .unsendable("client id") }
            guard client.clientSecret.isFormSafe else { throw .unsendable("client secret") }
            guard client.audience.map({ Secret($0).isFormSafe }) ?? true else {
                throw .unsendable("audience")
            }
        }
    }
}

/// What a token is fetched with.
public struct ClientCredentials: Sendable, Equatable {
    public var tokenURL: UpstreamURL
    public var clientID: String
    public var clientSecret: Secret
    public var audience: String?

    public init(
        tokenURL: UpstreamURL, clientID: String, clientSecret: Secret, audience: String? = nil
    ) {
        self.tokenURL = tokenURL
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.audience = audience
    }
}
