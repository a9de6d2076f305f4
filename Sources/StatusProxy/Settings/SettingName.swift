// The settings of the service as a whole, with their names and defaults: the table that
// docs/configuration.md shows.

/// An environment variable, and a key of the settings file.
protocol Setting: Sendable {
    var name: String { get }
    /// The default; nil: none.
    var defaultText: String? { get }
    /// Whether the value must never be shown.
    var isSecret: Bool { get }
}

/// A setting of the service, not of a source.
enum SettingName: String, CaseIterable, Setting {
    case listenHost = "LISTEN_HOST"
    case listenPort = "LISTEN_PORT"
    case listenMode = "LISTEN_MODE"
    case sources = "SOURCES"
    case upstreamCAFile = "UPSTREAM_CA_FILE"
    case storeURL = "STORE_URL"
    case refreshWait = "REFRESH_WAIT"
    case waitMax = "WAIT_MAX"
    case staleMax = "STALE_MAX"
    case terminalTTL = "TERMINAL_TTL"
    case cacheMaxActions = "CACHE_MAX_ACTIONS"
    case cacheMaxBytes = "CACHE_MAX_BYTES"
    case callerKeysFile = "CALLER_KEYS_FILE"
    case callerRequestsPerSecond = "CALLER_REQUESTS_PER_SECOND"
    case callerHeldMax = "CALLER_HELD_MAX"
    case httpMaxConnections = "HTTP_MAX_CONNECTIONS"
    case httpIdleTimeout = "HTTP_IDLE_TIMEOUT"
    case httpHeaderTimeout = "HTTP_HEADER_TIMEOUT"
    case httpHosts = "HTTP_HOSTS"
    case drainDelay = "DRAIN_DELAY"
    case shutdownTimeout = "SHUTDOWN_TIMEOUT"
    case logLevel = "LOG_LEVEL"
    case logFormat = "LOG_FORMAT"
    case logRequests = "LOG_REQUESTS"
    case logPeer = "LOG_PEER"

    /// Names the settings file itself; read from the environment only.
    static let configFile = "CONFIG_FILE"
    /// Names the folder of the default store (systemd sets it); read from the environment only.
    static let stateDirectory = "STATE_DIRECTORY"

    var name: String { rawValue }

    var defaultText: String? {
        switch self {
        case .listenHost: "127.0.0.1"
        case .listenPort: "8080"
        case .listenMode: "0660"
        case .sources: "orders,vouchers"
        case .storeURL: "sqlite:status-proxy.sqlite"
        case .refreshWait: "1s"
        case .waitMax: "50s"
        case .staleMax: "24h"
        case .terminalTTL: "24h"
        case .cacheMaxActions: "100000"
        case .cacheMaxBytes: "256MiB"
        case .callerHeldMax: "1000"
        case .httpMaxConnections: "10000"
        case .httpIdleTimeout: "75s"
        case .httpHeaderTimeout: "10s"
        case .drainDelay: "0s"
        case .shutdownTimeout: "25s"
        case .logLevel: "info"
        case .logRequests: "all"
        case .upstreamCAFile, .callerKeysFile, .callerRequestsPerSecond, .httpHosts, .logFormat,
            .logPeer:
            nil
        }
    }

    var isSecret: Bool { false }
}

/// An invalid setting: one line that names the setting and the accepted form.
struct SettingFailure: Error, Equatable, CustomStringConvertible {
    var name: String
    var problem: String

    init(_ setting: some Setting, _ problem: String) {
        self.init(name: setting.name, problem: problem)
    }

    init(name: String, problem: String) {
        self.name = name
        self.problem = problem
    }

    var description: String { "\(name): \(problem)" }
}
