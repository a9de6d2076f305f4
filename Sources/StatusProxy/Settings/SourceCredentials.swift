// The credentials of a source: the settings of one of the kinds of credentials come in, credentials
// go out.

import StatusAPI
import StatusCore
import UpstreamCurl

/// The credentials of a source, and the file of their secret part.
struct SourceCredentials {
    let value: UpstreamCredentials
    let file: SourceSettings.SecretFile?

    /// Nil if there are none and the source is not listed.
    ///
    /// - Throws: for half a credential, for two kinds, and for none if the source is listed.
    init?(_ settings: SourceTexts) throws(SettingFailure) {
        let ways = [
            try Self.token(settings), try Self.client(settings), try Self.application(settings),
        ].compactMap { $0 }
        guard ways.count < 2 else {
            throw settings.failure(
                ways[0].secret,
                "give one kind of credentials: this or \(settings[ways[1].first].name), not both")
        }
        guard let way = ways.first else {
            let forms = settings.source.kind.credentials
            guard forms.areOptional || !settings.source.isRequired else {
                throw Self.missing(settings)
            }
            guard forms.areOptional else { return nil }
            (value, file) = (.fields([]), nil)
            return
        }
        value = way.value
        file = way.file(settings)
    }

    /// One kind of credentials.
    private struct Way {
        var value: UpstreamCredentials
        /// The setting that messages name.
        var first: SourceAspect
        /// The setting that gave the secret part.
        var secret: SourceAspect

        func file(_ settings: SourceTexts) -> SourceSettings.SecretFile? {
            guard let path = settings.text(secret), secret.rawValue.hasSuffix("_FILE") else {
                return nil
            }
            let value = value
            return SourceSettings.SecretFile(path: path, setting: settings[secret].name) {
                value.replacing($0)
            }
        }
    }

    private static func missing(_ settings: SourceTexts) -> SettingFailure {
        let names = settings.source.settings.filter {
            [.token, .clientID, .appID].contains($0.aspect)
        }.map(\.name)
        return SettingFailure(
            SettingName.sources,
            "'\(settings.source.source)' is listed and has no credentials: give "
                + names.joined(separator: " or "))
    }

    // MARK: The ways

    private static func token(_ settings: SourceTexts) throws(SettingFailure) -> Way? {
        guard settings.source.kind.credentials.token else { return nil }
        guard let token = try settings.secret(.token, .tokenFile) else {
            if settings.isSet(.tokenHeader) {
                throw settings.failure(.tokenHeader, "there is no token to send in it")
            }
            return nil
        }
        let name = settings.text(.tokenHeader) ?? "Authorization"
        guard isFieldName(name) else {
            throw settings.failure(
                .tokenHeader,
                "'\(name)' is not a field name such as X-Api-Key that can carry a token")
        }
        let isBearer = name.lowercased() == "authorization"
        let field = CredentialField(
            name: name, scheme: isBearer ? "Bearer " : "", token, part: .token)
        let secret = settings.given(.token, .tokenFile)
        return Way(value: .fields([field]), first: secret, secret: secret)
    }

    private static func application(_ settings: SourceTexts) throws(SettingFailure) -> Way? {
        guard let fields = settings.source.kind.credentials.applicationKeys else { return nil }
        let token = try settings.secret(.appToken, .appTokenFile)
        guard let (id, token) = try pair(settings, .appID, token, .appToken, .appTokenFile) else {
            return nil
        }
        return Way(
            value: .fields([
                CredentialField(name: fields.id, Secret(id), part: .applicationID),
                CredentialField(name: fields.token, token, part: .applicationToken),
            ]), first: .appID, secret: settings.given(.appToken, .appTokenFile))
    }

    private static func client(_ settings: SourceTexts) throws(SettingFailure) -> Way? {
        let secret = try settings.secret(.clientSecret, .clientSecretFile)
        let url = try tokenURL(settings)
        let authentication = try settings.raw.word(settings[.tokenAuth], TokenAuthentication.self)
        let form = try form(settings)
        guard
            let (id, secret) = try pair(
                settings, .clientID, secret, .clientSecret, .clientSecretFile)
        else { return nil }
        guard let url else {
            throw settings.failure(.tokenURL, "it must be set, for client credentials")
        }
        return Way(
            value: .clientCredentials(
                ClientCredentials(
                    tokenURL: url, clientID: id, clientSecret: secret,
                    authentication: authentication ?? .post, form: form)),
            first: .clientID, secret: settings.given(.clientSecret, .clientSecretFile))
    }

    private static func tokenURL(_ settings: SourceTexts) throws(SettingFailure) -> UpstreamURL? {
        if settings.text(.tokenURL) != nil { return try settings.url(.tokenURL) }
        guard let path = settings.source.kind.credentials.tokenURL else { return nil }
        return try? UpstreamURL(settings.url(.url).text + path)
    }

    /// Both parts of a credential; nil if both are missing.
    private static func pair(
        _ settings: SourceTexts, _ idAspect: SourceAspect, _ secret: Secret?,
        _ aspect: SourceAspect, _ file: SourceAspect
    ) throws(SettingFailure) -> (String, Secret)? {
        switch (settings.text(idAspect), secret) {
        case (let id?, let secret?): return (id, secret)
        case (nil, nil): return nil
        case (_?, nil):
            throw settings.failure(
                idAspect,
                "half a credential: \(settings[aspect].name) or \(settings[file].name) is missing")
        case (nil, _?):
            throw settings.failure(
                settings.given(aspect, file),
                "half a credential: \(settings[idAspect].name) is missing")
        }
    }

    /// The audience, and the fields of TOKEN_FORM, which is written like a query.
    private static func form(
        _ settings: SourceTexts
    ) throws(SettingFailure) -> [ClientCredentials.FormField] {
        var form: [ClientCredentials.FormField] = []
        if settings.source.kind.credentials.audience, let audience = settings.text(.audience) {
            form.append(.init("audience", audience, part: .audience))
        }
        for part in (settings.text(.tokenForm) ?? "").split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = halves.map { half in
                PercentCoding.decode(Array(half.utf8).span, plusIsBlank: true) ?? ""
            }
            guard decoded.count == 2, !decoded.contains(""), !ownFields.contains(decoded[0]) else {
                throw settings.failure(
                    .tokenForm,
                    "'\(part)' is not a field such as scope=jobs of the form NAME=VALUE&NAME=VALUE;"
                        + " \(ownFields.joined(separator: ", ")) are set by the service")
            }
            form.append(.init(decoded[0], decoded[1]))
        }
        return form
    }

    private static let ownFields = ["grant_type", "client_id", "client_secret"]

    /// Whether the name is a token (RFC 9110, section 5.6.2) and no field for framing, the
    /// connection or the service's own use.
    private static func isFieldName(_ name: String) -> Bool {
        let others = [
            "host", "content-length", "transfer-encoding", "connection", "accept",
            "accept-encoding", "user-agent", "traceparent",
        ]
        return name.wholeMatch(of: /[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}/) != nil
            && !others.contains(name.lowercased())
    }
}

extension UpstreamCredentials {
    /// The same credentials with another secret; the id is kept.
    fileprivate func replacing(_ secret: Secret) -> UpstreamCredentials {
        switch self {
        case .fields(var fields):
            for index in fields.indices where fields[index].part != .applicationID {
                fields[index].secret = secret
            }
            return .fields(fields)
        case .clientCredentials(var client):
            client.clientSecret = secret
            return .clientCredentials(client)
        }
    }
}
