// Accepted settings, and their values.

import StatusCore
import TestSupport
import Testing
import UpstreamCurl

@testable import StatusProxy

struct SettingsTests {
    @Test func defaultsAreThoseOfTheContract() throws {
        let settings = try settings()
        expectEqual(settings.listenHost, "127.0.0.1")
        expectEqual(settings.listenPort, 8080)
        #expect(settings.caFile == nil)
        expectEqual(settings.store, .sqlite(path: "status-proxy.sqlite"))
        expectEqual(settings.refreshWait, .seconds(1))
        expectEqual(settings.waitMax, .seconds(50))
        expectEqual(settings.staleMax, .seconds(24 * 3600))
        expectEqual(settings.terminalTTL, .seconds(24 * 3600))
        expectEqual(settings.cacheMaxActions, 100_000)
        expectEqual(settings.cacheMaxBytes, 256 << 20)
        #expect(settings.callers == nil)
        expectEqual(settings.httpMaxConnections, 10_000)
        expectEqual(settings.httpIdleTimeout, .seconds(75))
        expectEqual(settings.httpHeaderTimeout, .seconds(10))
        expectEqual(settings.httpHosts, [])
        expectEqual(settings.drainDelay, .zero)
        expectEqual(settings.shutdownTimeout, .seconds(25))
        expectEqual(settings.logLevel, .info)
        #expect(settings.logFormat == nil)
        expectEqual(settings.logRequests, .all)
        #expect(!settings.logsPeer)
        expectEqual(settings.configured, [.orders, .vouchers])
    }

    @Test func defaultsOfTheUpstreamsAreThoseOfTheContract() throws {
        let settings = try settings()
        let orders = try #require(settings.sources[.orders])
        expectEqual(orders.endpoint.baseURL.text, "https://miraklconnect.com/api")
        expectEqual(orders.endpoint.timeout, .seconds(10))
        expectEqual(orders.endpoint.credentials, .bearer(Secret("hush-orders")))
        expectEqual(
            orders.policy,
            SourcePolicy(
                minInterval: .seconds(60), maxInterval: .seconds(300),
                callDeadline: .seconds(10), budget: BudgetLimits(perMinute: 600, perDay: nil),
                idPattern: .uuid))
        let vouchers = try #require(settings.sources[.vouchers])
        expectEqual(vouchers.endpoint.baseURL.text, "https://api.voucherify.io")
        expectEqual(vouchers.endpoint.timeout, .seconds(10))
        expectEqual(
            vouchers.endpoint.credentials,
            .applicationKeys(appID: "app-id", token: Secret("hush-vouchers")))
        expectEqual(
            vouchers.policy,
            SourcePolicy(
                minInterval: .seconds(30), maxInterval: .seconds(300),
                callDeadline: .seconds(10), budget: BudgetLimits(perMinute: 60, perDay: 2400),
                idPattern: .prefix("aa_")))
    }

    @Test func everySettingTakesEffect() throws {
        let settings = try settings([
            "LISTEN_HOST": "unix:/run/proxy", "LISTEN_PORT": "0", "REFRESH_WAIT": "0s",
            "WAIT_MAX": "2m", "STALE_MAX": "1h", "TERMINAL_TTL": "48h", "CACHE_MAX_ACTIONS": "1",
            "CACHE_MAX_BYTES": "1GiB",
            "HTTP_MAX_CONNECTIONS": "2", "HTTP_IDLE_TIMEOUT": "3s", "HTTP_HEADER_TIMEOUT": "4s",
            "HTTP_HOSTS": "status.internal, B.example ,[fd00::1]",
            "DRAIN_DELAY": "5s", "SHUTDOWN_TIMEOUT": "6s", "LOG_LEVEL": "error",
            "LOG_FORMAT": "text", "LOG_REQUESTS": "sampled", "LOG_PEER": "on",
            "VOUCHERS_URL": "http://10.0.0.1:1/v/",
            "VOUCHERS_MIN_INTERVAL": "1ms", "VOUCHERS_MAX_INTERVAL": "2ms",
            "VOUCHERS_CALLS_PER_MINUTE": "7", "VOUCHERS_CALLS_PER_DAY": "none",
            "VOUCHERS_TIMEOUT": "8s", "ORDERS_CALLS_PER_DAY": "9",
        ])
        expectEqual(settings.listenHost, "unix:/run/proxy")
        expectEqual(settings.listenPort, 0)
        expectEqual(settings.refreshWait, .zero)
        expectEqual(settings.waitMax, .seconds(120))
        expectEqual(settings.staleMax, .seconds(3600))
        expectEqual(settings.terminalTTL, .seconds(48 * 3600))
        expectEqual(settings.cacheMaxActions, 1)
        expectEqual(settings.cacheMaxBytes, 1 << 30)
        expectEqual(settings.httpMaxConnections, 2)
        expectEqual(settings.httpIdleTimeout, .seconds(3))
        expectEqual(settings.httpHeaderTimeout, .seconds(4))
        expectEqual(settings.httpHosts, ["status.internal", "B.example", "[fd00::1]"])
        expectEqual(settings.drainDelay, .seconds(5))
        expectEqual(settings.shutdownTimeout, .seconds(6))
        expectEqual(settings.logLevel, .error)
        expectEqual(settings.logFormat, .text)
        expectEqual(settings.logRequests, .sampled)
        #expect(settings.logsPeer)
        let vouchers = try #require(settings.sources[.vouchers])
        expectEqual(vouchers.endpoint.baseURL.text, "http://10.0.0.1:1/v")
        expectEqual(
            vouchers.policy,
            SourcePolicy(
                minInterval: .milliseconds(1), maxInterval: .milliseconds(2),
                callDeadline: .seconds(8), budget: BudgetLimits(perMinute: 7, perDay: nil),
                idPattern: .prefix("aa_")))
        expectEqual(settings.sources[.orders]?.policy.budget.perDay, 9)
    }

    @Test(arguments: [("0660", 0o660), ("660", 0o660), ("0", 0), ("0777", 0o777), ("00600", 0o600)])
    func modeOfTheSocketFileIsOctal(text: String, mode: UInt32) throws {
        try expectEqual(settings().listenMode, 0o660)
        try expectEqual(settings(["LISTEN_MODE": text]).listenMode, mode)
    }

    @Test func callersAreReadFromTheirFile() throws {
        let folder = TemporaryFolder()
        let path = folder.write("app \(Digests.hexadecimal(of: "key"))\n")
        let unlimited = try #require(try settings(["CALLER_KEYS_FILE": path]).callers)
        expectEqual(unlimited.keysFile, path)
        expectEqual(Array(unlimited.keys.names.values), ["app"])
        #expect(unlimited.requestsPerSecond == nil)
        expectEqual(unlimited.heldMax, 1000)
        let few = ["CALLER_KEYS_FILE": path, "CALLER_HELD_MAX": "3"]
        try expectEqual(settings(few).callers?.heldMax, 3)
        for (text, number) in [("12", 12), ("none", nil)] {
            let changes = ["CALLER_KEYS_FILE": path, "CALLER_REQUESTS_PER_SECOND": text]
            try expectEqual(settings(changes).callers?.requestsPerSecond, number)
        }
        #expect(try settings(["CALLER_REQUESTS_PER_SECOND": "none"]).callers == nil)
    }

    @Test func trackerGetsThePolicy() throws {
        let policy = try settings(["VOUCHERS_APP_ID": nil, "VOUCHERS_APP_TOKEN": nil]).trackerPolicy
        expectEqual(policy.sources[.orders]?.minInterval, .seconds(60))
        #expect(policy.sources[.vouchers] == nil)
        expectEqual(policy.refreshWait, .seconds(1))
        expectEqual(policy.staleMax, .seconds(86_400))
        expectEqual(policy.terminalTTL, .seconds(86_400))
        expectEqual(policy.actionsMax, 100_000)
    }

    @Test(arguments: [
        (["ORDERS_TOKEN": nil] as Changes, [Source.vouchers]),
        (["VOUCHERS_APP_ID": nil, "VOUCHERS_APP_TOKEN": nil], [.orders]),
        (["VOUCHERS_APP_ID": "", "VOUCHERS_APP_TOKEN": ""], [.orders]),
    ])
    func upstreamWithoutCredentialsIsOff(changes: Changes, on: [Source]) throws {
        try expectEqual(settings(changes).configured, on)
    }

    @Test func clientCredentialsAreTakenInPlaceOfAToken() throws {
        let settings = try settings([
            "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
            "ORDERS_CLIENT_SECRET": "hush-client",
            "ORDERS_AUDIENCE": "company", "ORDERS_TOKEN_URL": "https://auth.example.com/token",
        ])
        let parts = ClientCredentials(
            tokenURL: try UpstreamURL("https://auth.example.com/token"), clientID: "client",
            clientSecret: Secret("hush-client"),
            form: [.init("audience", "company", part: .audience)])
        expectEqual(settings.sources[.orders]?.endpoint.credentials, .clientCredentials(parts))
        #expect(settings.sources[.orders]?.secretFile == nil)
    }

    @Test func tokenURLHasADefault() throws {
        let settings = try settings([
            "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
            "ORDERS_CLIENT_SECRET": "hush-client",
        ])
        let parts = ClientCredentials(
            tokenURL: try UpstreamURL("https://auth.mirakl.net/oauth/token"), clientID: "client",
            clientSecret: Secret("hush-client"))
        expectEqual(settings.sources[.orders]?.endpoint.credentials, .clientCredentials(parts))
    }

    // MARK: Secret files

    @Test(arguments: ["hush-file", "hush-file\n", "hush-file\r\n", "hush-file\n\n"])
    func secretFileIsItsTextWithoutLineEnds(text: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(text)
        let orders = try #require(
            settings(["ORDERS_TOKEN": nil, "ORDERS_TOKEN_FILE": path]).sources[.orders])
        expectEqual(orders.endpoint.credentials, .bearer(Secret("hush-file")))
        let file = try #require(orders.secretFile)
        expectEqual(file.path, path)
        expectEqual(file.setting, "ORDERS_TOKEN_FILE")
        expectEqual(file.credentials(Secret("hush-new")), .bearer(Secret("hush-new")))
    }

    @Test func secretFilesServeClientCredentialsAndApplicationKeys() throws {
        let folder = TemporaryFolder()
        let path = folder.write("hush-file\n")
        let settings = try settings([
            "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client", "ORDERS_CLIENT_SECRET_FILE": path,
            "VOUCHERS_APP_TOKEN": nil, "VOUCHERS_APP_TOKEN_FILE": path,
        ])
        let client = try #require(settings.sources[.orders]?.secretFile)
        expectEqual(client.setting, "ORDERS_CLIENT_SECRET_FILE")
        guard case .clientCredentials(let parts) = client.credentials(Secret("hush-new")) else {
            Issue.record("other credentials than those of the settings")
            return
        }
        expectEqual(parts.clientID, "client")
        expectEqual(parts.clientSecret, Secret("hush-new"))
        let keys = try #require(settings.sources[.vouchers]?.secretFile)
        expectEqual(keys.setting, "VOUCHERS_APP_TOKEN_FILE")
        expectEqual(
            keys.credentials(Secret("hush-new")),
            .applicationKeys(appID: "app-id", token: Secret("hush-new")))
        expectEqual(
            settings.sources[.vouchers]?.endpoint.credentials,
            .applicationKeys(appID: "app-id", token: Secret("hush-file")))
    }

    // MARK: Short intervals

    @Test(arguments: [
        "http://127.0.0.1:9090", "http://127.8.9.1", "http://[::1]:9090/orders",
        "http://localhost:9090", "https://LOCALHOST",
    ])
    func shortOrdersIntervalIsTakenOnALoopbackAddress(url: String) throws {
        let settings = try settings(["ORDERS_URL": url, "ORDERS_MIN_INTERVAL": "5s"])
        expectEqual(settings.sources[.orders]?.policy.minInterval, .seconds(5))
    }

    // MARK: Stores

    @Test(arguments: [
        (["STORE_URL": "sqlite:a.sqlite"] as Changes, Settings.StorePlace.sqlite(path: "a.sqlite")),
        (["STORE_URL": "sqlite:/var/lib/a b.db"], .sqlite(path: "/var/lib/a b.db")),
        (["STORE_URL": "memory:"], .memory),
        (["STORE_URL": ""], .sqlite(path: "status-proxy.sqlite")),
        (["STATE_DIRECTORY": "/var/lib/p"], .sqlite(path: "/var/lib/p/status-proxy.sqlite")),
        (["STATE_DIRECTORY": ""], .sqlite(path: "status-proxy.sqlite")),
        (["STATE_DIRECTORY": "/a:/b"], .sqlite(path: "/a/status-proxy.sqlite")),
        (["STATE_DIRECTORY": ":/b"], .sqlite(path: "/b/status-proxy.sqlite")),
        (["STATE_DIRECTORY": "/var/lib/p", "STORE_URL": "sqlite:a"], .sqlite(path: "a")),
        (["STATE_DIRECTORY": "/var/lib/p", "STORE_URL": "memory:"], .memory),
    ])
    func storeIsFoundByItsURLOrTheStateDirectory(
        changes: Changes, place: Settings.StorePlace
    ) throws {
        try expectEqual(settings(changes).store, place)
    }

    // MARK: The settings file

    @Test func settingsFileTakesNumbersAndTexts() throws {
        let folder = TemporaryFolder()
        let path = folder.write(
            """
            {"LISTEN_PORT": 9000, "CACHE_MAX_ACTIONS": "42", "WAIT_MAX": "3s", "LOG_FORMAT": null,
             "LOG_LEVEL": "", "ORDERS_AUDIENCE": "café"}
            """)
        let settings = try settings(["CONFIG_FILE": path])
        expectEqual(settings.listenPort, 9000)
        expectEqual(settings.cacheMaxActions, 42)
        expectEqual(settings.waitMax, .seconds(3))
        #expect(settings.logFormat == nil)
        expectEqual(settings.logLevel, .info)
    }

    @Test func environmentWinsOverTheSettingsFile() throws {
        let folder = TemporaryFolder()
        let path = folder.write(#"{"LISTEN_PORT": 9000, "WAIT_MAX": "3s", "LISTEN_HOST": "::1"}"#)
        let settings = try settings([
            "CONFIG_FILE": path, "LISTEN_PORT": "9001", "LISTEN_HOST": "",
        ])
        expectEqual(settings.listenPort, 9001)
        expectEqual(settings.waitMax, .seconds(3))
        // An empty value counts as not set.
        expectEqual(settings.listenHost, "::1")
    }

    @Test func settingsFileMayHoldTheCredentials() throws {
        let folder = TemporaryFolder()
        let path = folder.write(#"{"ORDERS_TOKEN": "hush-orders"}"#)
        try expectEqual(Settings(environment: ["CONFIG_FILE": path]).configured, [.orders])
    }

    @Test func unrelatedVariablesAreIgnored() throws {
        let changes: Changes = [
            "PATH": "/bin", "ORDER_TOKEN": "x", "MY_ORDERS_X": "y", "HOME": "/",
        ]
        #expect(throws: Never.self) { try settings(changes) }
    }

    // MARK: Names that look like ours

    /// Services named `orders`, `vouchers`, `caller` and `listen`, and a port with a name.
    @Test func serviceLinksOfKubernetesAreNoSettings() throws {
        var links: Changes = [:]
        for name in ["ORDERS", "VOUCHERS", "CALLER", "LISTEN", "ORDERS_TOKEN"] {
            links["\(name)_SERVICE_HOST"] = "10.0.0.1"
            links["\(name)_SERVICE_PORT"] = "80"
            links["\(name)_SERVICE_PORT_HTTP_METRICS"] = "80"
            for (letters, capitals) in [("tcp", "TCP"), ("udp", "UDP"), ("sctp", "SCTP")] {
                links["\(name)_PORT"] = "\(letters)://10.0.0.1:80"
                links["\(name)_PORT_80_\(capitals)"] = "\(letters)://10.0.0.1:80"
                links["\(name)_PORT_80_\(capitals)_PROTO"] = letters
                links["\(name)_PORT_80_\(capitals)_PORT"] = "80"
                links["\(name)_PORT_80_\(capitals)_ADDR"] = "10.0.0.1"
                let settings = try settings(links)
                expectEqual(settings.listenPort, 8080)
                #expect(settings.warnings.isEmpty)
            }
        }
    }

    @Test(arguments: [
        ("LISTEN_PROT", "LISTEN_PORT"), ("ORDER_TOKEN", "ORDERS_TOKEN"),
        ("STALE_MAXX", "STALE_MAX"), ("listen_port", "LISTEN_PORT"), ("LOGLEVEL", "LOG_LEVEL"),
        ("STORE_URI", "STORE_URL"), ("CONFIGFILE", "CONFIG_FILE"),
        ("HTTP_MAX_CONECTION", "HTTP_MAX_CONNECTIONS"),
    ])
    func mistypedSettingCausesAWarning(name: String, nearest: String) throws {
        let warnings = try settings([name: "hush"]).warnings
        expectEqual(warnings.count, 1)
        expectEqual(warnings.first?.hasPrefix("\(name): "), true)
        expectEqual(warnings.first?.hasSuffix("is \(nearest) meant?"), true)
        expectEqual(warnings.first?.contains("hush"), false)
    }

    @Test func emptyCallerKeysFileCausesAWarning() throws {
        let settings = try settings(["CALLER_KEYS_FILE": "", "CALLER_REQUESTS_PER_SECOND": ""])
        #expect(settings.callers == nil)
        expectEqual(
            settings.warnings, ["CALLER_KEYS_FILE: it is empty, so everyone may ask"])
    }

    @Test func knownAndUnrelatedVariablesCauseNoWarning() throws {
        let others = [
            "PATH", "HOME", "LANG", "TERM", "LOGNAME", "HOSTNAME", "HTTPS_PROXY", "NO_PROXY",
            "STATE_DIRECTORY", "CACHE_DIRECTORY", "LOGS_DIRECTORY", "STATUS_PROXY_URL",
            "STATUS_PROXY_KEY", "PGHOST", "SSL_CERT_FILE", "INVOCATION_ID", "JOURNAL_STREAM",
            "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES",
            "KUBERNETES_PORT", "KUBERNETES_SERVICE_HOST", "PORT", "WAIT_MAX_X_Y",
        ]
        let changes = Changes(uniqueKeysWithValues: others.map { ($0, "/tmp") })
        #expect(try settings(changes).warnings.isEmpty)
    }

    @Test(arguments: [
        ("warn", LogLevel.warning), ("WARN", .warning), ("INFO", .info), ("Error", .error),
        ("debug", .debug),
    ])
    func levelIsAcceptedInAnyLetterCase(text: String, level: LogLevel) throws {
        try expectEqual(settings(["LOG_LEVEL": text]).logLevel, level)
        try expectEqual(settings(["LOG_FORMAT": "JSON"]).logFormat, .json)
    }

    @Test func fileOfCertificatesIsTaken() throws {
        let folder = TemporaryFolder()
        for text in [
            Certificates.pem, Certificates.pem + Certificates.pem, "# ours\n" + Certificates.pem,
        ] {
            let path = folder.write(text)
            try expectEqual(settings(["UPSTREAM_CA_FILE": path]).caFile, path)
        }
    }

    @Test(arguments: [
        "https://gateway.example/vouchers", "https://v1", "https://v1.example/api/v1x",
        "https://gateway.example/v1/vouchers", "https://h/async-actions",
    ])
    func urlWithAVersionElsewhereIsTaken(url: String) throws {
        let settings = try settings(["VOUCHERS_URL": url, "ORDERS_URL": url])
        expectEqual(settings.sources[.vouchers]?.endpoint.baseURL.text, url)
    }
}

extension UpstreamCredentials {
    fileprivate static func applicationKeys(appID: String, token: Secret) -> UpstreamCredentials {
        .fields([
            CredentialField(name: "X-App-Id", Secret(appID), part: .applicationID),
            CredentialField(name: "X-App-Token", token, part: .applicationToken),
        ])
    }
}
