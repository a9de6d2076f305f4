// The settings of one source: their names, which of them its kind has, and their defaults.

import StatusCore

/// A setting of a source; the raw value is the end of its variable.
enum SourceAspect: String, CaseIterable, Sendable {
    case kind = "KIND"
    case url = "URL"
    case timeout = "TIMEOUT"
    case minInterval = "MIN_INTERVAL"
    case maxInterval = "MAX_INTERVAL"
    case callsPerMinute = "CALLS_PER_MINUTE"
    case callsPerDay = "CALLS_PER_DAY"
    case idPattern = "ID_PATTERN"
    case descriptionFile = "DESCRIPTION_FILE"
    case token = "TOKEN"
    case tokenFile = "TOKEN_FILE"
    case tokenHeader = "TOKEN_HEADER"
    case clientID = "CLIENT_ID"
    case clientSecret = "CLIENT_SECRET"
    case clientSecretFile = "CLIENT_SECRET_FILE"
    case tokenURL = "TOKEN_URL"
    case tokenAuth = "TOKEN_AUTH"
    case tokenForm = "TOKEN_FORM"
    case audience = "AUDIENCE"
    case appID = "APP_ID"
    case appToken = "APP_TOKEN"
    case appTokenFile = "APP_TOKEN_FILE"

    /// Whether sources of that kind have the setting.
    func exists(in kind: SourceKind) -> Bool {
        switch self {
        case .kind, .url, .timeout, .minInterval, .maxInterval, .callsPerMinute, .callsPerDay,
            .idPattern, .clientID, .clientSecret, .clientSecretFile, .tokenURL, .tokenAuth,
            .tokenForm:
            true
        case .descriptionFile: kind.api == nil
        case .token, .tokenFile: kind.credentials.token
        case .tokenHeader: kind.credentials.tokenField
        case .audience: kind.credentials.audience
        case .appID, .appToken, .appTokenFile: kind.credentials.applicationKeys != nil
        }
    }
}

/// One setting of one source.
struct SourceSetting: Setting {
    let source: ListedSource
    let aspect: SourceAspect

    var name: String { source.variable(aspect) }

    var isSecret: Bool {
        switch aspect {
        case .token, .clientSecret, .appToken: true
        default: false
        }
    }

    var defaultText: String? {
        let kind = source.kind
        return switch aspect {
        case .kind: kind.name
        case .url: kind.baseURL
        case .timeout: seconds(kind.timeout)
        case .minInterval: seconds(kind.minInterval)
        case .maxInterval: seconds(kind.maxInterval)
        case .callsPerMinute: String(kind.callsPerMinute)
        case .callsPerDay: kind.callsPerDay.map(String.init)
        case .idPattern: kind.idPattern?.description
        case .tokenHeader: kind.credentials.tokenField ? "Authorization" : nil
        case .tokenURL:
            kind.credentials.tokenURL.flatMap { $0.hasPrefix("/") ? nil : $0 }
        case .tokenAuth: kind.credentials.tokenAuthentication.rawValue
        case .descriptionFile, .token, .tokenFile, .clientID, .clientSecret, .clientSecretFile,
            .tokenForm, .audience, .appID, .appToken, .appTokenFile:
            nil
        }
    }

    private func seconds(_ span: Duration) -> String { "\(span.components.seconds)s" }
}
