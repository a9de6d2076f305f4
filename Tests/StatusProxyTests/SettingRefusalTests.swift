// Settings that prevent the start: each with one line that names the variable and the accepted form.

import TestSupport
import Testing
import UpstreamCurl

@testable import StatusProxy

/// An invalid environment and the words that its refusal must contain.
struct Refused: Sendable, CustomStringConvertible {
    var changes: Changes
    var name: String
    var words: [String]

    init(_ changes: Changes, _ name: String, _ words: String...) {
        self.changes = changes
        self.name = name
        self.words = words
    }

    var description: String { "\(name) by \(changes.keys.sorted())" }
}

struct SettingRefusalTests {
    private func expect(_ refused: Refused) throws {
        let failure = try refusal(refused.changes)
        expectEqual(failure.name, refused.name)
        #expect(failure.description.hasPrefix("\(refused.name): "))
        for word in refused.words { #expect(failure.problem.contains(word), "\(failure)") }
    }

    // MARK: Forms

    private static let durations = [
        "ORDERS_MIN_INTERVAL", "ORDERS_MAX_INTERVAL", "ORDERS_TIMEOUT", "VOUCHERS_MIN_INTERVAL",
        "VOUCHERS_MAX_INTERVAL", "VOUCHERS_TIMEOUT", "REFRESH_WAIT", "WAIT_MAX", "STALE_MAX",
        "TERMINAL_TTL", "HTTP_IDLE_TIMEOUT", "HTTP_HEADER_TIMEOUT", "DRAIN_DELAY",
        "SHUTDOWN_TIMEOUT",
    ]

    @Test(arguments: durations, ["10", "s", "-1s", "1.5s", "1 s", "ten seconds", "1w", "30s1m"])
    func badDurationIsRefused(name: String, text: String) throws {
        try expect(
            Refused([name: text], name, "'\(text)'", "500ms, 10s, 5m or 24h"))
    }

    private static let numbers = [
        "LISTEN_PORT", "ORDERS_CALLS_PER_MINUTE", "ORDERS_CALLS_PER_DAY",
        "VOUCHERS_CALLS_PER_MINUTE", "VOUCHERS_CALLS_PER_DAY", "CACHE_MAX_ACTIONS",
        "CALLER_REQUESTS_PER_SECOND", "CALLER_HELD_MAX", "HTTP_MAX_CONNECTIONS",
    ]

    @Test(arguments: numbers, ["-1", "1.5", "many", "1e3", "0x10", "99999999999999999999"])
    func badNumberIsRefused(name: String, text: String) throws {
        try expect(Refused([name: text], name, "'\(text)'", "whole number from"))
    }

    @Test(arguments: [
        Refused(["LISTEN_PORT": "65536"], "LISTEN_PORT", "0 to 65535"),
        Refused(["HTTP_HOSTS": "http://a"], "HTTP_HOSTS", "'http://a'", "without scheme and port"),
        Refused(["HTTP_HOSTS": "a.example:80"], "HTTP_HOSTS", "'a.example:80'"),
        Refused(["HTTP_HOSTS": "a,,b"], "HTTP_HOSTS", "''"),
        Refused(["HTTP_HOSTS": "*.example"], "HTTP_HOSTS", "'*.example'"),
        Refused(["ORDERS_CALLS_PER_MINUTE": "0"], "ORDERS_CALLS_PER_MINUTE", "from 1 to"),
        Refused(["ORDERS_CALLS_PER_MINUTE": "none"], "ORDERS_CALLS_PER_MINUTE", "from 1 to"),
        Refused(["VOUCHERS_CALLS_PER_DAY": "0"], "VOUCHERS_CALLS_PER_DAY", "from 1 to", "or none"),
        Refused(["CACHE_MAX_ACTIONS": "0"], "CACHE_MAX_ACTIONS", "from 1 to"),
        Refused(["CACHE_MAX_BYTES": "1000"], "CACHE_MAX_BYTES", "a size like"),
        Refused(["CACHE_MAX_BYTES": "-1MiB"], "CACHE_MAX_BYTES", "a size like"),
        Refused(["CACHE_MAX_BYTES": "2MB"], "CACHE_MAX_BYTES", "a size like"),
        Refused(["CACHE_MAX_BYTES": "99999999999GiB"], "CACHE_MAX_BYTES", "a size like"),
        Refused(["CACHE_MAX_BYTES": "1023KiB"], "CACHE_MAX_BYTES", "give 1MiB or more"),
        Refused(["HTTP_MAX_CONNECTIONS": "0"], "HTTP_MAX_CONNECTIONS", "from 1 to"),
        Refused(["ORDERS_TIMEOUT": "0s"], "ORDERS_TIMEOUT", "1ms or more"),
        Refused(["VOUCHERS_TIMEOUT": "2h"], "VOUCHERS_TIMEOUT", "1ms to 3600s"),
        Refused(["VOUCHERS_MIN_INTERVAL": "0s"], "VOUCHERS_MIN_INTERVAL", "1ms or more"),
        Refused(["HTTP_IDLE_TIMEOUT": "0s"], "HTTP_IDLE_TIMEOUT", "1s or more"),
        Refused(["HTTP_HEADER_TIMEOUT": "999ms"], "HTTP_HEADER_TIMEOUT", "1s or more"),
        Refused(["STALE_MAX": "0s"], "STALE_MAX", "1s or more"),
        Refused(["TERMINAL_TTL": "23h"], "TERMINAL_TTL", "'23h'", "24h or more"),
        Refused(["TERMINAL_TTL": "86399s"], "TERMINAL_TTL", "24h or more"),
    ])
    func valueOutOfRangeIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: [
        Refused(["LOG_LEVEL": "loud"], "LOG_LEVEL", "'loud'", "debug, info, warning, error"),
        Refused(["LOG_LEVEL": "warnings"], "LOG_LEVEL", "debug, info, warning, error"),
        Refused(["LOG_REQUESTS": "some"], "LOG_REQUESTS", "'some'", "all, sampled, trouble"),
        Refused(["LOG_PEER": "yes"], "LOG_PEER", "'yes'", "on, off"),
        Refused(["LOG_FORMAT": "xml"], "LOG_FORMAT", "'xml'", "json, text"),
    ])
    func unknownWordIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(
        arguments: ["ORDERS_URL", "ORDERS_TOKEN_URL", "VOUCHERS_URL"],
        [
            "example.com", "ftp://example.com", "http://", "https://user:hush@example.com",
            "https://example.com/?key=hush", "https://example.com/#hush", "https://exa mple.com",
        ])
    func badURLIsRefusedWithoutRepeatingIt(name: String, text: String) throws {
        try expect(Refused([name: text], name, "like https://example.com/api"))
    }

    @Test(arguments: [
        "sqlite:", "file.sqlite", "memory", "memory:x", "redis://hush@host",
    ])
    func otherStoreIsRefusedWithoutRepeatingItsURL(text: String) throws {
        try expect(
            Refused(["STORE_URL": text], "STORE_URL", "sqlite:PATH", "postgresql://…", "memory:"))
    }

    @Test(arguments: [
        "postgresql:user:hush@host", "postgresql://user:hush@[host/db",
        "postgresql://user:hush@host/db?sslmod=require", "postgres",
    ])
    func databaseURLThatLibpqDoesNotTakeIsRefusedWithoutRepeatingIt(text: String) throws {
        try expect(Refused(["STORE_URL": text], "STORE_URL", "postgresql://user:password@host"))
    }

    @Test(arguments: [
        ("sslmode=bogus", #"invalid sslmode value: "bogus""#), ("connect_timeout=3s", "'3s'"),
        ("sslmode=verify-full&sslrootcert=/nowhere/ca.pem", "sslrootcert /nowhere/ca.pem"),
        ("target_session_attrs=primry", "primry"),
    ])
    func databaseURLWithAnUnusableParameterIsRefused(query: String, words: String) throws {
        let url = "postgresql://user:hush@host/db?\(query)"
        try expect(Refused(["STORE_URL": url], "STORE_URL", words, "give one like postgresql://"))
    }

    @Test func rootCertificatesOfTheDatabaseThatCannotBeUsedAreRefused() throws {
        let folder = TemporaryFolder()
        let path = folder.write("hello, world\n")
        let url = "postgresql://user:hush@host/db?sslmode=verify-full&sslrootcert=\(path)"
        try expect(Refused(["STORE_URL": url], "STORE_URL", path, "holds no certificate"))
        _ = folder.write(Certificates.pem)
        #expect(throws: Never.self) { try settings(["STORE_URL": url]) }
    }

    // MARK: Names

    @Test(arguments: [
        ("ORDERS_TOKN", "ORDERS_TOKEN"), ("ORDERS_MIN_INTERVALL", "ORDERS_MIN_INTERVAL"),
        ("VOUCHERS_APPID", "VOUCHERS_APP_ID"),
        ("VOUCHERS_CALLS_PER_DAYS", "VOUCHERS_CALLS_PER_DAY"), ("VOUCHERS_", "VOUCHERS_URL"),
        ("ORDERS_CLIENT_SECRETS", "ORDERS_CLIENT_SECRET"),
    ])
    func unknownVariableOfAnUpstreamIsRefused(name: String, nearest: String) throws {
        try expect(Refused([name: "hush-typo"], name, "no such setting", "is \(nearest) meant?"))
    }

    @Test(arguments: [
        ("LISTEN_PROT", "LISTEN_PORT"), ("listen_port", "LISTEN_PORT"),
        ("ORDERS_TOKENS", "ORDERS_TOKEN"), ("CONFIG_FILE", nil), ("STATE_DIRECTORY", nil),
        ("", nil),
    ])
    func unknownKeyOfTheFileIsRefused(key: String, nearest: String?) throws {
        let folder = TemporaryFolder()
        let path = folder.write("{\"\(key)\": \"hush-typo\"}")
        let failure = try refusal(["CONFIG_FILE": path])
        expectEqual(failure.name, key)
        #expect(failure.problem.contains("no such setting"))
        if let nearest, key != key.lowercased() { #expect(failure.problem.contains(nearest)) }
    }

    /// Kubernetes would inject variables with these names or forms; these do not have them.
    @Test(arguments: [
        ("ORDERS_PORT", "8080"), ("ORDERS_PORT", "localhost:80"), ("ORDERS_HOST", "tcp://10.0.0.1"),
        ("ORDERS_PORT_TCP", "tcp://10.0.0.1:80"), ("VOUCHERS_PORT_80", "tcp://10.0.0.1:80"),
        ("VOUCHERS_SERVICE", "x"), ("VOUCHERS_SERVICE_HOSTS", "x"), ("ORDERS_PORT_80_HTTP", "x"),
        ("ORDERS_PORTS", "tcp://10.0.0.1:80"), ("CALLER_PORT", "9"),
    ])
    func variableThatIsNoServiceLinkIsRefused(name: String, text: String) throws {
        try expect(Refused([name: text], name, "no such setting"))
    }

    /// A service that was configured to ask for keys must not be open.
    @Test(arguments: [
        ("CALLER_KEY_FILE", "CALLER_KEYS_FILE"), ("CALLER_KEYS", "CALLER_KEYS_FILE"),
        ("CALLER_KEYS_FILES", "CALLER_KEYS_FILE"), ("CALLERS_KEYS_FILE", "CALLER_KEYS_FILE"),
        ("CALER_KEYS_FILE", "CALLER_KEYS_FILE"), ("caller_keys_file", "CALLER_KEYS_FILE"),
        ("CALLER_REQUEST_PER_SECOND", "CALLER_REQUESTS_PER_SECOND"),
    ])
    func mistypedVariableOfCallersIsRefused(name: String, nearest: String) throws {
        let failure = try refusal([name: "hush-typo"])
        expectEqual(failure.name, name)
        #expect(failure.problem.contains("no such setting"))
        if name == name.uppercased() {
            #expect(failure.problem.contains("is \(nearest) meant?"))
        }
    }

    // MARK: What does not go together

    @Test(arguments: [
        Refused(
            ["DRAIN_DELAY": "25s"], "DRAIN_DELAY", "25s is not below SHUTDOWN_TIMEOUT (25s)",
            "give less"),
        Refused(
            ["DRAIN_DELAY": "1m", "SHUTDOWN_TIMEOUT": "30s"], "DRAIN_DELAY",
            "1m is not below SHUTDOWN_TIMEOUT (30s)"),
        Refused(["SHUTDOWN_TIMEOUT": "0s"], "DRAIN_DELAY", "0s is not below SHUTDOWN_TIMEOUT (0s)"),
    ])
    func drainLongerThanTheShutdownIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: [
        Refused(["VOUCHERS_URL": "https://api.voucherify.io/v1"], "VOUCHERS_URL", "ends in /v1,"),
        Refused(["VOUCHERS_URL": "https://api.voucherify.io/v1/"], "VOUCHERS_URL", "ends in /v1,"),
        Refused(
            ["VOUCHERS_URL": "https://h/x/V1/async-actions"], "VOUCHERS_URL",
            "ends in /V1/async-actions,"),
        Refused(["VOUCHERS_URL": "https://api.voucherify.io/v2"], "VOUCHERS_URL", "ends in /v2,"),
        Refused(["ORDERS_URL": "https://miraklconnect.com/api/v2"], "ORDERS_URL", "ends in /v2,"),
        Refused(["ORDERS_URL": "https://miraklconnect.com/api/v1"], "ORDERS_URL", "ends in /v1,"),
        Refused(
            ["ORDERS_URL": "https://miraklconnect.com/api/v2/orders"], "ORDERS_URL",
            "ends in /v2/orders,"),
        Refused(
            ["ORDERS_URL": "https://miraklconnect.com/api/v2/orders/actions/"], "ORDERS_URL",
            "ends in /v2/orders/actions,", "give the URL without"),
    ])
    func urlThatHoldsThePathAlreadyIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: [
        Refused(
            ["ORDERS_MAX_INTERVAL": "59s"], "ORDERS_MAX_INTERVAL", "59s",
            "under ORDERS_MIN_INTERVAL (1m)", "give at least that"),
        Refused(
            ["ORDERS_MIN_INTERVAL": "10m"], "ORDERS_MAX_INTERVAL", "5m",
            "under ORDERS_MIN_INTERVAL (10m)"),
        Refused(
            ["VOUCHERS_MIN_INTERVAL": "20s", "VOUCHERS_MAX_INTERVAL": "10s"],
            "VOUCHERS_MAX_INTERVAL", "10s", "under VOUCHERS_MIN_INTERVAL (20s)"),
    ])
    func maximumUnderTheMinimumIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: [
        "https://miraklconnect.com/api", "http://10.0.0.1", "http://localhost.example.com",
        "http://127.0.0.1.example.com", "http://[::2]",
    ])
    func shortOrdersIntervalIsRefusedOffLoopback(url: String) throws {
        for text in ["1s", "59s", "59999ms"] {
            try expect(
                Refused(
                    ["ORDERS_URL": url, "ORDERS_MIN_INTERVAL": text], "ORDERS_MIN_INTERVAL",
                    "60s or more", "loopback"))
        }
    }

    @Test(arguments: [
        Refused(
            ["ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client"], "ORDERS_CLIENT_ID",
            "half a credential", "ORDERS_CLIENT_SECRET or ORDERS_CLIENT_SECRET_FILE"),
        Refused(
            ["ORDERS_TOKEN": nil, "ORDERS_CLIENT_SECRET": "hush-client"], "ORDERS_CLIENT_SECRET",
            "half a credential", "ORDERS_CLIENT_ID"),
        Refused(
            ["VOUCHERS_APP_TOKEN": nil], "VOUCHERS_APP_ID", "half a credential",
            "VOUCHERS_APP_TOKEN or VOUCHERS_APP_TOKEN_FILE"),
        Refused(
            ["VOUCHERS_APP_ID": nil], "VOUCHERS_APP_TOKEN", "half a credential", "VOUCHERS_APP_ID"),
        Refused(
            ["ORDERS_CLIENT_ID": "client", "ORDERS_CLIENT_SECRET": "hush-client"], "ORDERS_TOKEN",
            "ORDERS_CLIENT_ID", "not both"),
        Refused(
            ["ORDERS_TOKEN": nil, "VOUCHERS_APP_ID": nil, "VOUCHERS_APP_TOKEN": nil],
            "ORDERS_TOKEN, ORDERS_CLIENT_ID or VOUCHERS_APP_ID", "at least one"),
    ])
    func incompleteOrMixedCredentialsAreRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: [
        ("ORDERS_TOKEN", "ORDERS_TOKEN_FILE"), ("VOUCHERS_APP_TOKEN", "VOUCHERS_APP_TOKEN_FILE"),
        ("ORDERS_CLIENT_SECRET", "ORDERS_CLIENT_SECRET_FILE"),
    ])
    func secretAndItsFileAreRefusedTogether(name: String, fileName: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write("hush-file")
        try expect(Refused([name: "hush-said", fileName: path], name, fileName, "not both"))
    }

    /// The variable that was set is named, not its sibling.
    @Test func secretOfAFileIsRefusedByTheFilesName() throws {
        let folder = TemporaryFolder()
        let path = folder.write("hush-file")
        let split = folder.write("hush one\nhush two", to: "split")
        for refused in [
            Refused(
                [
                    "VOUCHERS_APP_ID": nil, "VOUCHERS_APP_TOKEN": nil,
                    "VOUCHERS_APP_TOKEN_FILE": path,
                ], "VOUCHERS_APP_TOKEN_FILE", "VOUCHERS_APP_ID is missing"),
            Refused(
                ["ORDERS_TOKEN": nil, "ORDERS_CLIENT_SECRET_FILE": path],
                "ORDERS_CLIENT_SECRET_FILE", "ORDERS_CLIENT_ID is missing"),
            Refused(
                [
                    "ORDERS_TOKEN": nil, "ORDERS_TOKEN_FILE": path, "ORDERS_CLIENT_ID": "client",
                    "ORDERS_CLIENT_SECRET": "hush-client",
                ], "ORDERS_TOKEN_FILE", "not both"),
            Refused(
                ["ORDERS_TOKEN": nil, "ORDERS_TOKEN_FILE": split], "ORDERS_TOKEN_FILE",
                "without a line end"),
            Refused(
                ["VOUCHERS_APP_TOKEN": nil, "VOUCHERS_APP_TOKEN_FILE": split],
                "VOUCHERS_APP_TOKEN_FILE", "without a line end"),
            Refused(
                [
                    "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
                    "ORDERS_CLIENT_SECRET_FILE": split,
                ], "ORDERS_CLIENT_SECRET_FILE", "without a line end"),
        ] { try expect(refused) }
    }

    @Test(arguments: [
        Refused(["ORDERS_TOKEN": "hush\r\nX: y"], "ORDERS_TOKEN", "printable"),
        Refused(["ORDERS_TOKEN": "hush é"], "ORDERS_TOKEN", "printable"),
        Refused(["VOUCHERS_APP_ID": "hush id"], "VOUCHERS_APP_ID", "printable"),
        Refused(["VOUCHERS_APP_TOKEN": "hush token"], "VOUCHERS_APP_TOKEN", "printable"),
        Refused(
            [
                "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client\n",
                "ORDERS_CLIENT_SECRET": "hush-client",
            ], "ORDERS_CLIENT_ID", "printable"),
        Refused(
            [
                "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
                "ORDERS_CLIENT_SECRET": "hush\u{7F}",
            ], "ORDERS_CLIENT_SECRET", "printable"),
        Refused(
            [
                "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
                "ORDERS_CLIENT_SECRET": "hush-client", "ORDERS_AUDIENCE": "a\tb",
            ], "ORDERS_AUDIENCE", "printable"),
    ])
    func credentialThatCannotBeSentIsRefused(refused: Refused) throws { try expect(refused) }

    @Test(arguments: ["CALLER_REQUESTS_PER_SECOND", "CALLER_HELD_MAX"])
    func quotaWithoutCallersIsRefused(name: String) throws {
        try expect(Refused([name: "5"], name, "CALLER_KEYS_FILE"))
    }

    @Test(arguments: ["-1", "8", "0x1b0", "rw-rw----", "1777", "0o660", "6 6 0", "77777777777"])
    func badFileModeIsRefused(text: String) throws {
        try expect(Refused(["LISTEN_MODE": text], "LISTEN_MODE", "'\(text)'", "octal", "0660"))
    }

    // MARK: Files

    @Test func callerKeysThatCannotBeUsedAreRefusedByFileAndLine() throws {
        let folder = TemporaryFolder()
        let path = folder.write("# callers\n\napp hush-key\n")
        try expect(Refused(["CALLER_KEYS_FILE": path], "CALLER_KEYS_FILE", "\(path):3: "))
        try expect(
            Refused(
                ["CALLER_KEYS_FILE": "\(folder.path)/missing"], "CALLER_KEYS_FILE",
                "No such file"))
    }

    @Test(arguments: [
        ("ORDERS_TOKEN_FILE", "ORDERS_TOKEN"), ("VOUCHERS_APP_TOKEN_FILE", "VOUCHERS_APP_TOKEN"),
    ])
    func secretFileThatCannotBeReadIsRefused(name: String, secret: String) throws {
        let folder = TemporaryFolder()
        let long = String(repeating: "x", count: Secret.bytesMax + 3)
        for (path, words) in [
            ("\(folder.path)/missing", "No such file"), (folder.path, "Is a directory"),
            (folder.write("", to: "empty"), "is empty"),
            (folder.write("\r\n\n", to: "blank"), "is empty"),
            (folder.write(long, to: "long"), "larger than"),
        ] { try expect(Refused([secret: nil, name: path], name, path, words)) }
    }

    /// Traces of an editor or a shell, with which the secret would only be refused at the first call.
    @Test(arguments: [
        ("\u{FEFF}hush-file\n", "byte order mark"), ("hush-file ", "blank"),
        (" hush-file", "blank"), ("hush-file\t\n", "blank"), ("hush-file \r\n", "blank"),
        ("hush-file\n ", "blank"),
    ])
    func secretFileWithInvisibleCharactersIsRefused(text: String, words: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(text)
        for (name, others) in [
            ("ORDERS_TOKEN_FILE", ["ORDERS_TOKEN": nil] as Changes),
            ("ORDERS_CLIENT_SECRET_FILE", ["ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client"]),
            ("VOUCHERS_APP_TOKEN_FILE", ["VOUCHERS_APP_TOKEN": nil]),
        ] {
            let changes = others.merging([name: path]) { _, new in new }
            try expect(Refused(changes, name, path, words))
        }
    }

    @Test(arguments: ["hush ", " hush", "\u{FEFF}hush"])
    func clientSecretWithBlanksAroundItIsRefused(text: String) throws {
        try expect(
            Refused(
                [
                    "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "client",
                    "ORDERS_CLIENT_SECRET": text,
                ], "ORDERS_CLIENT_SECRET", "printable", "blank"))
    }

    @Test func certificatesThatCannotBeUsedAreRefused() throws {
        let folder = TemporaryFolder()
        let key = "-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\n"
        let lines = Certificates.pem.split(separator: "\n")
        let cut = (lines.prefix(3) + lines.suffix(1)).joined(separator: "\n")
        for (path, words) in [
            ("\(folder.path)/missing", "No such file"), (folder.path, "Is a directory"),
            (folder.write("", to: "empty"), "is empty"),
            (folder.write(bytes: Certificates.der, to: "der"), "is DER (openssl x509"),
            (folder.write("hello, world\n", to: "text"), "holds no certificate"),
            (folder.write(key, to: "key"), "holds a private key and no certificate"),
            (folder.write(cut, to: "cut"), "holds a certificate that cannot be read"),
            (
                folder.write(Certificates.pem + cut, to: "half"),
                "holds a certificate that cannot be read"
            ),
        ] { try expect(Refused(["UPSTREAM_CA_FILE": path], "UPSTREAM_CA_FILE", path, words)) }
    }

    @Test(arguments: [
        "", "[]", "\"LISTEN_PORT\"", "8080", "{", "{\"LISTEN_PORT\": 1,}", "LISTEN_PORT=8080",
    ])
    func settingsFileThatIsNoObjectIsRefused(text: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write(text)
        try expect(Refused(["CONFIG_FILE": path], "CONFIG_FILE", path, "{\"LISTEN_PORT\": 8080}"))
    }

    @Test func settingsFileThatCannotBeReadIsRefused() throws {
        let folder = TemporaryFolder()
        let long = String(repeating: " ", count: RawSettings.fileBytesMax + 1)
        for (path, words) in [
            ("\(folder.path)/missing", "No such file"), (folder.path, "Is a directory"),
            (folder.write(long), "larger than"),
        ] { try expect(Refused(["CONFIG_FILE": path], "CONFIG_FILE", path, words)) }
    }

    @Test(arguments: ["true", "[8080]", "{\"port\": 8080}"])
    func settingsFileMustGiveTextsOrNumbers(value: String) throws {
        let folder = TemporaryFolder()
        let path = folder.write("{\"LISTEN_PORT\": \(value)}")
        try expect(Refused(["CONFIG_FILE": path], "LISTEN_PORT", "a string or a number"))
    }

    @Test func badValueOfTheFileIsRefusedLikeOneOfTheEnvironment() throws {
        let folder = TemporaryFolder()
        let path = folder.write("{\"LISTEN_PORT\": 80.5}")
        try expect(Refused(["CONFIG_FILE": path], "LISTEN_PORT", "'80.5'", "0 to 65535"))
    }
}
