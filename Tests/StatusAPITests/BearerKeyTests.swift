import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct BearerKeyTests {
    private func key(_ lines: String) throws -> String? {
        try Asked(parsing: "GET /metrics HTTP/1.1\r\nHost: h\r\n\(lines)\r\n").key
    }

    @Test(arguments: [
        ("Authorization: Bearer abc\r\n", "abc"),
        ("authorization: bearer a.b~c+/==\r\n", "a.b~c+/=="),
        ("AUTHORIZATION:BEARER   x \r\n", "x"), ("Authorization: Bearer a b\r\n", "a b"),
    ])
    func keyFollowsTheScheme(lines: String, expected: String) throws {
        try expectEqual(key(lines), expected)
    }

    @Test(arguments: [
        "", "Authorization: \r\n", "Authorization: Bearer\r\n", "Authorization: Bearer \r\n",
        "Authorization: Basic YTpi\r\n", "Authorization: Bearers abc\r\n",
        "Authorization: Bearer\tabc\r\n", "Proxy-Authorization: Bearer abc\r\n",
        "Authorization: Bearer abc\r\nAuthorization: Bearer abc\r\n",
        "Authorization: Bearer \(String(repeating: "x", count: 513))\r\n",
    ])
    func anythingElseIsNoKey(lines: String) throws {
        #expect(try key(lines) == nil)
    }

    @Test func longestKeyIsFound() throws {
        let longest = String(repeating: "x", count: BearerKey.bytesMax)
        try expectEqual(key("Authorization: Bearer \(longest)\r\n"), longest)
    }

    @Test(arguments: [
        ("/actions", true), ("/actions/", true), ("/actions/a", true), ("/actions/a/events", true),
        ("/actions/..", true), ("/metrics", true), ("/livez", false), ("/healthz", false),
        ("/readyz", false), ("/openapi.yaml", false), ("/", false), ("/actionsx", false),
        ("/elsewhere", false),
    ])
    func actionsAndMetricsAreGuarded(path: String, isGuarded: Bool) {
        for method: HTTPWire.Method in [.get, .head, .post, .delete, .other] {
            expectEqual(Asked(method: method, path: path).isGuarded, isGuarded)
        }
        #expect(!Asked(method: .options, path: path).isGuarded)
    }
}
