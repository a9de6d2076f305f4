// Every setting by name, with its default and the form that it takes: the table that the README
// shows and the reader obeys.

/// A setting's name: an environment variable, and a key of the settings file.
enum SettingName: String, CaseIterable, Sendable {
    case listenHost = "LISTEN_HOST"
    case listenPort = "LISTEN_PORT"
    case listenMode = "LISTEN_MODE"
    case ordersURL = "ORDERS_URL"
    case ordersToken = "ORDERS_TOKEN"
    case ordersTokenFile = "ORDERS_TOKEN_FILE"
    case ordersClientID = "ORDERS_CLIENT_ID"
    case ordersClientSecret = "ORDERS_CLIENT_SECRET"
    case ordersClientSecretFile = "ORDERS_CLIENT_SECRET_FILE"
    case ordersTokenURL = "ORDERS_TOKEN_URL"
    case ordersAudience = "ORDERS_AUDIENCE"
    case ordersMinInterval = "ORDERS_MIN_INTERVAL"
    case ordersMaxInterval = "ORDERS_MAX_INTERVAL"
    case ordersCallsPerMinute = "ORDERS_CALLS_PER_MINUTE"
    case ordersCallsPerDay = "ORDERS_CALLS_PER_DAY"
    case ordersTimeout = "ORDERS_TIMEOUT"
    case vouchersURL = "VOUCHERS_URL"
    case vouchersAppID = "VOUCHERS_APP_ID"
    case vouchersAppToken = "VOUCHERS_APP_TOKEN"
    case vouchersAppTokenFile = "VOUCHERS_APP_TOKEN_FILE"
    case vouchersMinInterval = "VOUCHERS_MIN_INTERVAL"
    case vouchersMaxInterval = "VOUCHERS_MAX_INTERVAL"
    case vouchersCallsPerMinute = "VOUCHERS_CALLS_PER_MINUTE"
    case vouchersCallsPerDay = "VOUCHERS_CALLS_PER_DAY"
    case vouchersTimeout = "VOUCHERS_TIMEOUT"
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

    /// The text that counts when nobody says anything; nil: none.
    var defaultText: String? {
        switch self {
        case .listenHost: "127.0.0.1"
        case .listenPort: "8080"
        case .listenMode: "0660"
        case .ordersURL: "https://miraklconnect.com/api"
        case .ordersTokenURL: "https://auth.mirakl.net/oauth/token"
        case .ordersMinInterval: "60s"
        case .ordersMaxInterval: "300s"
        case .ordersCallsPerMinute: "600"
        case .ordersTimeout: "10s"
        case .vouchersURL: "https://api.voucherify.io"
        case .vouchersMinInterval: "30s"
        case .vouchersMaxInterval: "300s"
        case .vouchersCallsPerMinute: "60"
        case .vouchersCallsPerDay: "2400"
        case .vouchersTimeout: "10s"
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
        case .ordersToken, .ordersTokenFile, .ordersClientID, .ordersClientSecret,
            .ordersClientSecretFile, .ordersAudience, .ordersCallsPerDay, .vouchersAppID,
            .vouchersAppToken, .vouchersAppTokenFile, .upstreamCAFile, .callerKeysFile,
            .callerRequestsPerSecond, .httpHosts, .logFormat, .logPeer:
            nil
        }
    }

    /// True when the value must never be shown.
    var isSecret: Bool {
        switch self {
        case .ordersToken, .ordersClientSecret, .vouchersAppToken: true
        default: false
        }
    }
}

/// Why the start is refused: one line that names the setting and the accepted form.
struct SettingFailure: Error, Equatable, CustomStringConvertible {
    var name: String
    var problem: String

    init(_ name: SettingName, _ problem: String) {
        self.init(name: name.rawValue, problem: problem)
    }

    init(name: String, problem: String) {
        self.name = name
        self.problem = problem
    }

    var description: String { "\(name): \(problem)" }
}
