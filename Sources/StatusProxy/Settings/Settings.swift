// The effective settings: texts come in, checked values go out.

import Glibc
import StateStores
import StatusCore
import UpstreamCurl

/// All settings. An instance is always valid.
struct Settings: Sendable {
    var listenHost: String
    var listenPort: Int
    /// The mode of a Unix socket's file.
    var listenMode: UInt32
    var sources: PerSource<SourceSettings>
    var caFile: String?
    var store: StorePlace
    /// The name of the setting that gave the store's place.
    var storeSetting: String
    var refreshWait: Duration
    var waitMax: Duration
    var staleMax: Duration
    var terminalTTL: Duration
    var cacheMaxActions: Int
    var cacheMaxBytes: Int
    /// Nil: everyone may ask.
    var callers: CallerSettings?
    var httpMaxConnections: Int
    var httpIdleTimeout: Duration
    var httpHeaderTimeout: Duration
    /// Host names that browsers may use for a loopback listener without keys.
    var httpHosts: Set<String>
    var drainDelay: Duration
    var shutdownTimeout: Duration
    var logLevel: LogLevel
    /// Nil: text on a terminal, else JSON.
    var logFormat: LogFormat?
    var logRequests: RequestLogging
    /// Whether request lines contain the peer's address.
    var logsPeer: Bool
    /// Warnings for the operator, a line for each.
    var warnings: [String]

    enum StorePlace: Sendable, Equatable {
        case sqlite(path: String)
        case postgres(PostgresURL)
        case memory

        /// As in STORE_URL, without a password.
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
        listenHost = raw.text(SettingName.listenHost) ?? ""
        listenPort = try raw.integer(SettingName.listenPort, 0...65535)
        warnings = raw.warnings
        listenMode = try raw.fileMode(SettingName.listenMode)
        let caFile = raw.text(SettingName.upstreamCAFile)
        if let caFile { try CertificateFile.check(caFile, SettingName.upstreamCAFile) }
        self.caFile = caFile
        sources = try Self.sources(raw, caFile: caFile)
        (store, storeSetting) = try Self.storePlace(
            raw, stateDirectory: environment[SettingName.stateDirectory])
        refreshWait = try raw.duration(SettingName.refreshWait)
        waitMax = try raw.duration(SettingName.waitMax)
        staleMax = try raw.duration(SettingName.staleMax, min: .seconds(1))
        terminalTTL = try raw.duration(SettingName.terminalTTL, min: .seconds(86_400))
        cacheMaxActions = try raw.integer(SettingName.cacheMaxActions, 1...100_000_000)
        cacheMaxBytes = try raw.size(SettingName.cacheMaxBytes, min: 1 << 20)
        callers = try CallerSettings(raw)
        httpMaxConnections = try raw.integer(SettingName.httpMaxConnections, 1...1_000_000)
        httpIdleTimeout = try raw.duration(SettingName.httpIdleTimeout, min: .seconds(1))
        httpHeaderTimeout = try raw.duration(SettingName.httpHeaderTimeout, min: .seconds(1))
        httpHosts = try raw.hostNames(SettingName.httpHosts)
        drainDelay = try raw.duration(SettingName.drainDelay)
        shutdownTimeout = try raw.duration(SettingName.shutdownTimeout)
        guard drainDelay < shutdownTimeout else {
            throw SettingFailure(
                SettingName.drainDelay,
                "\(DurationText.format(drainDelay)) is not below SHUTDOWN_TIMEOUT"
                    + " (\(DurationText.format(shutdownTimeout))), which would end the service before"
                    + " it has drained: give less, or a longer SHUTDOWN_TIMEOUT")
        }
        logLevel =
            try raw.word(SettingName.logLevel, LogLevel.self, others: ["warn": .warning]) ?? .info
        logFormat = try raw.word(SettingName.logFormat, LogFormat.self)
        logRequests = try raw.word(SettingName.logRequests, RequestLogging.self) ?? .all
        // With keys, the address distinguishes a caller from someone who has stolen its key.
        logsPeer =
            try (raw.word(SettingName.logPeer, OnOrOff.self) ?? (callers == nil ? .off : .on))
            == .on
    }

    /// The sources that are on.
    private static func sources(
        _ raw: RawSettings, caFile: String?
    ) throws(SettingFailure) -> PerSource<SourceSettings> {
        var settings: [(source: Source, settings: SourceSettings)] = []
        for source in raw.sources {
            guard let found = try SourceSettings(raw, source, caFile: caFile) else { continue }
            settings.append((source.source, found))
        }
        guard !settings.isEmpty else {
            throw SettingFailure(
                name: "ORDERS_TOKEN, ORDERS_CLIENT_ID or VOUCHERS_APP_ID",
                problem: "no source has credentials; give those of at least one,"
                    + " or list other sources in SOURCES")
        }
        return PerSource(settings)
    }

    private static func storePlace(
        _ raw: RawSettings, stateDirectory: String?
    ) throws(SettingFailure) -> (StorePlace, setting: String) {
        let text = raw.text(SettingName.storeURL) ?? ""
        let name = SettingName.storeURL.rawValue
        if text == "memory:" { return (.memory, name) }
        if text.hasPrefix("postgres") { return (.postgres(try postgresURL(text)), name) }
        guard text.hasPrefix("sqlite:"), text.count > "sqlite:".count else {
            // The text may contain a password.
            throw SettingFailure(
                SettingName.storeURL, "give sqlite:PATH, postgresql://…, or memory: for tests")
        }
        let path = String(text.dropFirst("sqlite:".count))
        // systemd separates several by colons.
        guard !raw.isSet(SettingName.storeURL),
            let folder = stateDirectory?.split(separator: ":").first
        else {
            return (.sqlite(path: path), name)
        }
        return (.sqlite(path: "\(folder)/\(path)"), SettingName.stateDirectory)
    }

    /// Checks what is possible without opening the store.
    ///
    /// - Throws: if a store could not be kept at that place.
    func checkStore() throws(SettingFailure) {
        guard case .sqlite(let path) = store, let fault = SQLiteStore.fault(at: path) else {
            return
        }
        throw SettingFailure(
            name: storeSetting,
            problem: "no store can be kept at \(path): \(fault); give a folder that user"
                + " \(geteuid()) may write")
    }

    private static func postgresURL(_ text: String) throws(SettingFailure) -> PostgresURL {
        let url: PostgresURL
        do { url = try PostgresURL(text) } catch {
            throw SettingFailure(
                SettingName.storeURL,
                "\(error.problem); give one like postgresql://user:password@host:5432/database")
        }
        if let file = url.rootCertificates { try CertificateFile.check(file, SettingName.storeURL) }
        return url
    }
}

/// The caller keys and the quotas of callers.
struct CallerSettings: Sendable {
    var keysFile: String
    var keys: CallerKeys
    /// For each caller; nil: not limited.
    var requestsPerSecond: Int?
    /// The requests and event streams of one caller that may be held at a time.
    var heldMax: Int

    /// Nil without a file of keys: callers cannot be identified.
    init?(_ raw: RawSettings) throws(SettingFailure) {
        requestsPerSecond = try raw.optionalInteger(
            SettingName.callerRequestsPerSecond, 1...1_000_000)
        heldMax = try raw.integer(SettingName.callerHeldMax, 1...1_000_000)
        guard let path = raw.text(SettingName.callerKeysFile) else {
            let limits = [
                requestsPerSecond == nil ? nil : SettingName.callerRequestsPerSecond,
                raw.isSet(SettingName.callerHeldMax) ? .callerHeldMax : nil,
            ]
            for limit in limits.compactMap(\.self) {
                throw SettingFailure(
                    limit,
                    "a quota is per caller, and callers cannot be identified without"
                        + " CALLER_KEYS_FILE: give that, or unset this")
            }
            return nil
        }
        keysFile = path
        keys = try CallerKeys(path: path)
    }
}

extension Settings {
    /// The tracker's part of the settings.
    var trackerPolicy: TrackerPolicy {
        TrackerPolicy(
            sources: sources.map(\.policy), refreshWait: refreshWait,
            staleMax: staleMax, terminalTTL: terminalTTL, actionsMax: cacheMaxActions,
            bytesMax: cacheMaxBytes)
    }

    /// The sources that are on, in the order in which they are listed.
    var configured: [Source] { sources.sources }
}
