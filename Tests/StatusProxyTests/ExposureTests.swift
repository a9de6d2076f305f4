// Settings that expose credentials, results or the service itself, and their warnings.

import TestSupport
import Testing

@testable import StatusProxy

struct ExposureTests {
    private static let client: Changes = [
        "ORDERS_TOKEN": nil, "ORDERS_CLIENT_ID": "id", "ORDERS_CLIENT_SECRET": "hush",
    ]

    @Test(
        arguments: [
            ([:], []),
            (["ORDERS_URL": "http://127.0.0.1:1", "VOUCHERS_URL": "http://localhost"], []),
            (["VOUCHERS_URL": "http://[::1]:1/v"], []),
            (["ORDERS_URL": "http://orders.internal"], ["ORDERS_URL"]),
            (["VOUCHERS_URL": "http://10.0.0.1:1/v"], ["VOUCHERS_URL"]),
            // An upstream that is off is not called.
            (["ORDERS_URL": "http://orders.internal", "ORDERS_TOKEN": nil], []),
            (client.merging(["ORDERS_TOKEN_URL": "http://a"]) { $1 }, ["ORDERS_TOKEN_URL"]),
            (["ORDERS_TOKEN_URL": "http://a"], []),
            (
                ["ORDERS_URL": "http://a", "http_proxy": "http://p", "ALL_PROXY": "http://q"],
                ["ORDERS_URL", "http_proxy"]
            ),
            (["ORDERS_URL": "http://a", "ALL_PROXY": "http://q"], ["ORDERS_URL", "ALL_PROXY"]),
            (["ORDERS_URL": "http://a", "HTTP_PROXY": "http://p"], ["ORDERS_URL"]),
            (["ORDERS_URL": "http://127.0.0.1", "http_proxy": "http://p"], []),
            (["http_proxy": "http://p", "HTTPS_PROXY": "http://p"], []),
            (["LISTEN_HOST": "0.0.0.0"], ["LISTEN_HOST"]), (["LISTEN_HOST": "::"], ["LISTEN_HOST"]),
            (["LISTEN_HOST": "[::]"], ["LISTEN_HOST"]), (["LISTEN_HOST": "10.0.0.1"], []),
            (["LISTEN_HOST": "0:0:0:0:0:0:0:0"], ["LISTEN_HOST"]),
            (["LISTEN_HOST": "0"], ["LISTEN_HOST"]),
            (["LISTEN_HOST": "::ffff:0.0.0.0"], ["LISTEN_HOST"]), (["LISTEN_HOST": "::1"], []),
            (["STORE_URL": "postgresql://u:hush@db.internal/p"], ["STORE_URL"]),
            (["STORE_URL": "postgresql://u:hush@127.0.0.1,db/p?sslmode=prefer"], ["STORE_URL"]),
            (["STORE_URL": "postgresql://u:hush@db/p?sslmode=require"], []),
            (["STORE_URL": "postgresql://u:hush@db/p?sslmode=verify-full"], []),
            (["STORE_URL": "postgresql://u:hush@localhost,127.0.0.2/p"], []),
            (["STORE_URL": "postgresql:///p?host=/run/postgresql"], []),
            (["LISTEN_HOST": "unix:/run/a"], []),
        ] as [(Changes, [String])])
    func everyExposureIsAWarningThatBeginsWithItsName(changes: Changes, names: [String]) throws {
        let warnings = try settings(changes).warnings
        expectEqual(warnings.map { $0.prefix { $0 != ":" } }, names.map { $0[...] })
        #expect(!warnings.joined().contains("hush"))
    }

    @Test func serviceWithKeysMayListenEverywhere() throws {
        let folder = TemporaryFolder()
        let digest = String(repeating: "a", count: 64)
        let keys = folder.write("app \(digest)\n", to: "keys")
        try expectEqual(settings(["LISTEN_HOST": "::", "CALLER_KEYS_FILE": keys]).warnings, [])
    }

    @Test func checkPrintsThem() throws {
        let lines = try CheckReport(
            environment: Environments.with(["LISTEN_HOST": "0.0.0.0"])
        ).lines
        #expect(lines.contains { $0.hasPrefix("# warning: LISTEN_HOST: ") })
    }
}
