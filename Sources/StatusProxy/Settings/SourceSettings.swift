// One source's settings as values: texts come in, an endpoint, credentials and limits go out.

import StatusCore
import UpstreamCurl

/// The settings of one source that is on.
struct SourceSettings: Sendable {
    var kind: String
    var endpoint: UpstreamEndpoint
    var policy: SourcePolicy
    var reader: any StateReader
    /// The file of the credentials' secret, if there is one.
    var secretFile: SecretFile?

    /// The file of a secret, and how its content becomes credentials.
    struct SecretFile: Sendable {
        var path: String
        /// The name of the setting that gave the path.
        var setting: String
        var credentials: @Sendable (Secret) -> UpstreamCredentials
    }

    /// Nil for a source that is off: not listed, and without credentials.
    init?(
        _ raw: RawSettings, _ source: ListedSource, caFile: String?
    ) throws(SettingFailure) {
        let settings = SourceTexts(raw: raw, source: source)
        let credentials = try SourceCredentials(settings)
        let policy = try Self.policy(settings)
        let url = try settings.url(.url)
        let least = source.kind.leastInterval
        guard url.isLoopback || policy.minInterval >= least else {
            throw settings.failure(
                .minInterval,
                "the vendor allows one call a minute for each action: give"
                    + " \(least.components.seconds)s or more (less only while"
                    + " \(source.variable(.url)) is a loopback address)")
        }
        guard let credentials else { return nil }
        let api = try Self.api(settings)
        kind = source.kind.name
        self.policy = policy
        reader = api.reader
        secretFile = credentials.file
        do {
            endpoint = try UpstreamEndpoint(
                baseURL: url, path: api.path, timeout: policy.callDeadline, caFile: caFile,
                userAgent: "status-proxy/\(ProgramVersion.text)", credentials: credentials.value)
        } catch {
            let aspect: SourceAspect =
                switch error {
                case .timeoutOutOfRange: .timeout
                case .baseHoldsPath, .unsendableUserAgent: .url
                case .unsendable(let part): settings.aspect(of: part)
                }
            throw settings.failure(aspect, "\(error)")
        }
    }

    private static func policy(_ settings: SourceTexts) throws(SettingFailure) -> SourcePolicy {
        let raw = settings.raw
        let minInterval = try raw.duration(settings[.minInterval], min: .milliseconds(1))
        let maxInterval = try raw.duration(settings[.maxInterval])
        guard maxInterval >= minInterval else {
            throw settings.failure(
                .maxInterval,
                "\(DurationText.format(maxInterval)) is under \(settings[.minInterval].name)"
                    + " (\(DurationText.format(minInterval))): give at least that")
        }
        let budget = BudgetLimits(
            perMinute: try raw.integer(settings[.callsPerMinute], 1...1_000_000),
            perDay: try raw.optionalInteger(settings[.callsPerDay], 1...1_000_000_000))
        return SourcePolicy(
            minInterval: minInterval, maxInterval: maxInterval,
            callDeadline: try raw.duration(settings[.timeout], min: .milliseconds(1)),
            budget: budget, idPattern: try idPattern(settings))
    }

    private static func idPattern(_ settings: SourceTexts) throws(SettingFailure) -> IDPattern? {
        guard let text = raw(settings, .idPattern) else { return nil }
        guard let pattern = IDPattern(text) else {
            throw settings.failure(.idPattern, "'\(text)' is not \(IDPattern.form)")
        }
        return pattern
    }

    private static func raw(_ settings: SourceTexts, _ aspect: SourceAspect) -> String? {
        settings.raw.text(settings[aspect])
    }

    /// The API of the kind, or that of the description file.
    private static func api(_ settings: SourceTexts) throws(SettingFailure) -> SourceAPI {
        if let api = settings.source.kind.api { return api }
        guard let path = raw(settings, .descriptionFile) else {
            throw settings.failure(.descriptionFile, "it must be set")
        }
        let bytes: [UInt8]
        do { bytes = try SmallFile.read(path, bytesMax: APIDescription.bytesMax) } catch {
            throw settings.failure(.descriptionFile, "\(path) cannot be read: \(error)")
        }
        do throws(DescriptionFailure) {
            return try APIDescription(bytes).api
        } catch {
            throw settings.failure(.descriptionFile, "\(path): \(error)")
        }
    }
}

/// The texts of one source's settings.
struct SourceTexts {
    let raw: RawSettings
    let source: ListedSource

    subscript(aspect: SourceAspect) -> SourceSetting {
        SourceSetting(source: source, aspect: aspect)
    }

    func failure(_ aspect: SourceAspect, _ problem: String) -> SettingFailure {
        SettingFailure(self[aspect], problem)
    }

    func isSet(_ aspect: SourceAspect) -> Bool { raw.isSet(self[aspect]) }

    func text(_ aspect: SourceAspect) -> String? { raw.text(self[aspect]) }

    func url(_ aspect: SourceAspect) throws(SettingFailure) -> UpstreamURL {
        try raw.url(self[aspect])
    }

    func secret(
        _ aspect: SourceAspect, _ file: SourceAspect
    ) throws(SettingFailure) -> Secret? {
        try raw.secret(self[aspect], file: self[file])
    }

    /// The setting, of the two, that gave the secret.
    func given(_ aspect: SourceAspect, _ file: SourceAspect) -> SourceAspect {
        isSet(file) ? file : aspect
    }

    /// The setting that gave a part of the credentials.
    func aspect(of part: CredentialPart) -> SourceAspect {
        switch part {
        case .token: given(.token, .tokenFile)
        case .applicationID: .appID
        case .applicationToken: given(.appToken, .appTokenFile)
        case .clientID: .clientID
        case .clientSecret: given(.clientSecret, .clientSecretFile)
        case .audience: .audience
        case .tokenForm: .tokenForm
        }
    }
}
