// The effective settings: texts come in, checked values go out.

import Glibc
import StateStores
import StatusCore
import UpstreamCurl

/// Everything that can be set. Valid once it exists.
struct Settings: Sendable {
    var listenHost: String
    var listenPort: Int
    /// Of a Unix socket's file.
    var listenMode: UInt32
    /// Nil: off.
    var upstreams: PerSource<UpstreamSettings?>
    var caFile: String?
    var store: StorePlace
    /// What the store's place was said by.
    var storeSetting: String
    var refreshWait: Duration
    var waitMax: Duration
    var staleMax: Duration
    var terminalTTL: Duration
    var cacheMaxActions: Int
    var cacheMaxBytes: Int
    /// Nil: everybody may ask.
    var callers: CallerSettings?
    var httpMaxConnections: Int
    var httpIdleTimeout: Duration
    var httpHeaderTimeout: Duration
    /// Names by which browsers may use a loopback listener without keys.
    var httpHosts: Set<String>
    var drainDelay: Duration
    var shutdownTimeout: Duration
    var logLevel: LogLevel
    /// Nil: text on a terminal, else JSON.
    var logFormat: LogFormat?
    var logRequests: RequestLogging
    /// Peers' addresses stand in the lines of requests.
    var logsPeer: Bool
    /// What an operator should hear of, although it stops nothing: a line each.
    var warnings: [String]

    enum StorePlace: Sendable, Equatable {
        case sqlite(path: String)
        case postgres(PostgresURL)
        case memory

        /// As STORE_URL says it, without a password.
        var text: String {
            switch self {
            case .sqlite(let path): "sqlite:\(path)"
            case .postgres(let url): url.shown
            case .memory: "memory:"
            }
        }
    }

    init(environment: [String: String]) throws(SettingFailure) {
        try self.init(RawSettings(environment: environment), environment: environment)
        warnings += Exposure.warnings(self, environment)
    }

    private init(_ raw: RawSettings, environment: [String: String]) throws(SettingFailure) {
        listenHost = raw.text(.listenHost) ?? ""
        listenPort = try raw.integer(.listenPort, 0...65535)
        warnings = raw.warnings
        listenMode = try raw.fileMode(.listenMode)
        let caFile = raw.text(.upstreamCAFile)
        if let caFile { try CertificateFile.check(caFile, .upstreamCAFile) }
        self.caFile = caFile
        let orders = try UpstreamSettings.orders(raw, caFile: caFile)
        let vouchers = try UpstreamSettings.vouchers(raw, caFile: caFile)
        upstreams = PerSource { $0 == .orders ? orders : vouchers }
        guard orders != nil || vouchers != nil else {
            throw SettingFailure(
                name: "ORDERS_TOKEN, ORDERS_CLIENT_ID or VOUCHERS_APP_ID",
                problem: "no upstream has credentials, so there is nothing to ask; give at least"
                    + " one")
        }
        (store, storeSetting) = try Self.storePlace(
            raw, stateDirectory: environment[SettingName.stateDirectory])
        refreshWait = try raw.duration(.refreshWait)
        waitMax = try raw.duration(.waitMax)
        staleMax = try raw.duration(.staleMax, min: .seconds(1))
        terminalTTL = try raw.duration(.terminalTTL, min: .seconds(86_400))
        cacheMaxActions = try raw.integer(.cacheMaxActions, 1...100_000_000)
        cacheMaxBytes = try raw.size(.cacheMaxBytes, min: 1 << 20)
        callers = try CallerSettings(raw)
        httpMaxConnections = try raw.integer(.httpMaxConnections, 1...1_000_000)
        httpIdleTimeout = try raw.duration(.httpIdleTimeout, min: .seconds(1))
        httpHeaderTimeout = try raw.duration(.httpHeaderTimeout, min: .seconds(1))
        httpHosts = try raw.hostNames(.httpHosts)
        drainDelay = try raw.duration(.drainDelay)
        shutdownTimeout = try raw.duration(.shutdownTimeout)
        guard drainDelay < shutdownTimeout else {
            throw SettingFailure(
                .drainDelay,
                "\(DurationText.format(drainDelay)) is not below SHUTDOWN_TIMEOUT"
                    + " (\(DurationText.format(shutdownTimeout))), which would end the service before"
                    + " it has drained: give less, or a longer SHUTDOWN_TIMEOUT")
        }
        logLevel = try raw.word(.logLevel, LogLevel.self, others: ["warn": .warning]) ?? .info
        logFormat = try raw.word(.logFormat, LogFormat.self)
        logRequests = try raw.word(.logRequests, RequestLogging.self) ?? .all
        // With keys there is a caller to tell from whoever has got hold of its key.
        logsPeer = try (raw.word(.logPeer, OnOrOff.self) ?? (callers == nil ? .off : .on)) == .on
    }

    private static func storePlace(
        _ raw: RawSettings, stateDirectory: String?
    ) throws(SettingFailure) -> (StorePlace, setting: String) {
        let text = raw.text(.storeURL) ?? ""
        let name = SettingName.storeURL.rawValue
        if text == "memory:" { return (.memory, name) }
        if text.hasPrefix("postgres") { return (.postgres(try postgresURL(text)), name) }
        guard text.hasPrefix("sqlite:"), text.count > "sqlite:".count else {
            // The text may hold a password.
            throw SettingFailure(
                .storeURL, "give sqlite:PATH, postgresql://…, or memory: for tests")
        }
        let path = String(text.dropFirst("sqlite:".count))
        // systemd separates several by colons.
        guard !raw.isSet(.storeURL), let folder = stateDirectory?.split(separator: ":").first else {
            return (.sqlite(path: path), name)
        }
        return (.sqlite(path: "\(folder)/\(path)"), SettingName.stateDirectory)
    }

    /// What shows without opening the store.
    ///
    /// - Throws: when it could not be kept at its place.
    func checkStore() throws(SettingFailure) {
        guard case .sqlite(let path) = store, let obstacle = SQLiteStore.obstacle(at: path) else {
            return
        }
        throw SettingFailure(
            name: storeSetting,
            problem: "no store can be kept at \(path): \(obstacle); give a folder that user"
                + " \(geteuid()) may write")
    }

    private static func postgresURL(_ text: String) throws(SettingFailure) -> PostgresURL {
        let url: PostgresURL
        do { url = try PostgresURL(text) } catch {
            throw SettingFailure(
                .storeURL,
                "\(error.problem); give one like postgresql://user:password@host:5432/database")
        }
        if let file = url.rootCertificates { try CertificateFile.check(file, .storeURL) }
        return url
    }
}

/// Who may ask, how often, and how much at a time.
struct CallerSettings: Sendable {
    var keysFile: String
    var keys: CallerKeys
    /// Per caller; nil: not limited.
    var requestsPerSecond: Int?
    /// Requests and event streams of one caller that are held at a time.
    var heldMax: Int

    /// Nil without a file of keys: then there are no callers to tell apart.
    init?(_ raw: RawSettings) throws(SettingFailure) {
        requestsPerSecond = try raw.optionalInteger(.callerRequestsPerSecond, 1...1_000_000)
        heldMax = try raw.integer(.callerHeldMax, 1...1_000_000)
        guard let path = raw.text(.callerKeysFile) else {
            let limits = [
                requestsPerSecond == nil ? nil : SettingName.callerRequestsPerSecond,
                raw.isSet(.callerHeldMax) ? .callerHeldMax : nil,
            ]
            for limit in limits.compactMap(\.self) {
                throw SettingFailure(
                    limit,
                    "a quota is per caller, and nobody can tell callers apart without"
                        + " CALLER_KEYS_FILE: give that, or unset this")
            }
            return nil
        }
        keysFile = path
        keys = try CallerKeys(path: path)
    }
}

/// The settings of one upstream that is on.
struct UpstreamSettings: Sendable {
    var endpoint: UpstreamEndpoint
    var policy: SourcePolicy
    /// Reads the credentials anew, when they come from a file.
    var secretFile: SecretFile?

    /// Where a secret is kept, and what it is part of.
    struct SecretFile: Sendable {
        var path: String
        var setting: SettingName
        var credentials: @Sendable (Secret) -> UpstreamCredentials
    }
}

extension UpstreamSettings {
    /// The names that differ between the two upstreams.
    private struct Names {
        var url: SettingName
        var minInterval: SettingName
        var maxInterval: SettingName
        var perMinute: SettingName
        var perDay: SettingName
        var timeout: SettingName
    }

    private static let ordersNames = Names(
        url: .ordersURL, minInterval: .ordersMinInterval, maxInterval: .ordersMaxInterval,
        perMinute: .ordersCallsPerMinute, perDay: .ordersCallsPerDay, timeout: .ordersTimeout)

    private static let vouchersNames = Names(
        url: .vouchersURL, minInterval: .vouchersMinInterval, maxInterval: .vouchersMaxInterval,
        perMinute: .vouchersCallsPerMinute, perDay: .vouchersCallsPerDay,
        timeout: .vouchersTimeout)

    /// The documented maximum: once a minute per action.
    private static let ordersMinInterval = Duration.seconds(60)

    static func orders(
        _ raw: RawSettings, caFile: String?
    ) throws(SettingFailure) -> UpstreamSettings? {
        let token = try raw.secret(.ordersToken, file: .ordersTokenFile)
        let client = try clientCredentials(raw)
        let names = ordersNames
        let policy = try policy(raw, names)
        let url = try raw.url(names.url)
        guard url.isLoopback || policy.minInterval >= ordersMinInterval else {
            throw SettingFailure(
                names.minInterval,
                "Mirakl allows one call a minute per action: give 60s or more (less only while"
                    + " ORDERS_URL is a loopback address)")
        }
        if token != nil, client != nil {
            throw SettingFailure(
                raw.said(.ordersToken, .ordersTokenFile),
                "give a token or ORDERS_CLIENT_ID and its secret, not both")
        }
        guard let credentials = token.map(UpstreamCredentials.bearer) ?? client else { return nil }
        var file: SecretFile?
        if let path = raw.text(.ordersTokenFile) {
            file = SecretFile(path: path, setting: .ordersTokenFile) { .bearer($0) }
        } else if let path = raw.text(.ordersClientSecretFile),
            case .clientCredentials(let parts) = credentials
        {
            file = SecretFile(path: path, setting: .ordersClientSecretFile) {
                .clientCredentials(
                    ClientCredentials(
                        tokenURL: parts.tokenURL, clientID: parts.clientID, clientSecret: $0,
                        audience: parts.audience))
            }
        }
        return try make(
            raw, .orders, names, policy, url, caFile: caFile, credentials: credentials, file: file)
    }

    private static func clientCredentials(
        _ raw: RawSettings
    ) throws(SettingFailure) -> UpstreamCredentials? {
        let secret = try raw.secret(.ordersClientSecret, file: .ordersClientSecretFile)
        let clientID = raw.text(.ordersClientID)
        let tokenURL = try raw.url(.ordersTokenURL)
        guard let clientID, let secret else {
            if clientID != nil {
                throw SettingFailure(
                    .ordersClientID,
                    "half a credential: ORDERS_CLIENT_SECRET or ORDERS_CLIENT_SECRET_FILE is"
                        + " missing")
            }
            if secret != nil {
                throw SettingFailure(
                    raw.said(.ordersClientSecret, .ordersClientSecretFile),
                    "half a credential: ORDERS_CLIENT_ID is missing")
            }
            return nil
        }
        return .clientCredentials(
            ClientCredentials(
                tokenURL: tokenURL, clientID: clientID, clientSecret: secret,
                audience: raw.text(.ordersAudience)))
    }

    static func vouchers(
        _ raw: RawSettings, caFile: String?
    ) throws(SettingFailure) -> UpstreamSettings? {
        let token = try raw.secret(.vouchersAppToken, file: .vouchersAppTokenFile)
        let policy = try policy(raw, vouchersNames)
        let url = try raw.url(vouchersNames.url)
        guard let appID = raw.text(.vouchersAppID), let token else {
            if raw.isSet(.vouchersAppID) {
                throw SettingFailure(
                    .vouchersAppID,
                    "half a credential: VOUCHERS_APP_TOKEN or VOUCHERS_APP_TOKEN_FILE is missing")
            }
            if token != nil {
                throw SettingFailure(
                    raw.said(.vouchersAppToken, .vouchersAppTokenFile),
                    "half a credential: VOUCHERS_APP_ID is missing")
            }
            return nil
        }
        let file = raw.text(.vouchersAppTokenFile).map { path in
            SecretFile(path: path, setting: .vouchersAppTokenFile) {
                .applicationKeys(appID: appID, token: $0)
            }
        }
        return try make(
            raw, .vouchers, vouchersNames, policy, url, caFile: caFile,
            credentials: .applicationKeys(appID: appID, token: token), file: file)
    }

    private static func policy(
        _ raw: RawSettings, _ names: Names
    ) throws(SettingFailure) -> SourcePolicy {
        let minInterval = try raw.duration(names.minInterval, min: .milliseconds(1))
        let maxInterval = try raw.duration(names.maxInterval)
        guard maxInterval >= minInterval else {
            throw SettingFailure(
                names.maxInterval,
                "\(DurationText.format(maxInterval)) is under \(names.minInterval.rawValue)"
                    + " (\(DurationText.format(minInterval))): give at least that")
        }
        let budget = BudgetLimits(
            perMinute: try raw.integer(names.perMinute, 1...1_000_000),
            perDay: try raw.optionalInteger(names.perDay, 1...1_000_000_000))
        return SourcePolicy(
            minInterval: minInterval, maxInterval: maxInterval,
            callDeadline: try raw.duration(names.timeout, min: .milliseconds(1)), budget: budget)
    }

    private static func make(
        _ raw: RawSettings, _ source: Source, _ names: Names, _ policy: SourcePolicy,
        _ url: UpstreamURL, caFile: String?, credentials: UpstreamCredentials, file: SecretFile?
    ) throws(SettingFailure) -> UpstreamSettings {
        do {
            let endpoint = try UpstreamEndpoint(
                source: source, baseURL: url, timeout: policy.callDeadline, caFile: caFile,
                userAgent: "status-proxy/\(ProgramVersion.text)", credentials: credentials)
            return UpstreamSettings(endpoint: endpoint, policy: policy, secretFile: file)
        } catch {
            let name: SettingName =
                switch error {
                case .timeoutOutOfRange: names.timeout
                case .baseHoldsPath: names.url
                case .unsendable(let part): setting(raw, part)
                }
            throw SettingFailure(name, "\(error)")
        }
    }

    /// Which setting gave a part of the credentials.
    private static func setting(_ raw: RawSettings, _ part: String) -> SettingName {
        switch part {
        case "client id": .ordersClientID
        case "client secret": raw.said(.ordersClientSecret, .ordersClientSecretFile)
        case "audience": .ordersAudience
        case "application id": .vouchersAppID
        case "application token": raw.said(.vouchersAppToken, .vouchersAppTokenFile)
        default: raw.said(.ordersToken, .ordersTokenFile)
        }
    }
}

extension Settings {
    /// What the tracker needs to know.
    var trackerPolicy: TrackerPolicy {
        TrackerPolicy(
            sources: PerSource { upstreams[$0]?.policy }, refreshWait: refreshWait,
            staleMax: staleMax, terminalTTL: terminalTTL, actionsMax: cacheMaxActions,
            bytesMax: cacheMaxBytes)
    }

    /// The upstreams that are on.
    var configured: [Source] { Source.allCases.filter { upstreams[$0] != nil } }
}
