import StatusCore
import TestSupport
import Testing

@testable import UpstreamCurl

struct UpstreamURLTests {
    @Test(arguments: [
        ("https://miraklconnect.com/api", "https://miraklconnect.com/api"),
        ("https://miraklconnect.com/api/", "https://miraklconnect.com/api"),
        ("https://api.voucherify.io", "https://api.voucherify.io"),
        ("http://127.0.0.1:8080//", "http://127.0.0.1:8080"),
        ("HTTP://[::1]:80/a/b", "http://[::1]:80/a/b"),
    ])
    func goodURLIsTakenWithoutItsTrailingSlash(text: String, whole: String) throws {
        try expectEqual(UpstreamURL(text).text, whole)
    }

    @Test(arguments: [
        ("", UpstreamURLFailure.empty),
        ("miraklconnect.com/api", .schemeNotHTTP),
        ("ftp://host/", .schemeNotHTTP),
        ("file:///etc/passwd", .schemeNotHTTP),
        ("javascript:alert(1)", .schemeNotHTTP),
        ("https://user@host/", .holdsCredentials),
        ("https://user:pass@host/", .holdsCredentials),
        ("https://:pass@host/", .holdsCredentials),
        ("https://host/?", .holdsQuery),
        ("https://host/?a=b", .holdsQuery),
        ("https://host/#", .holdsFragment),
        ("https://host/#a", .holdsFragment),
        ("https://ho st/", .unprintable),
        ("https://host/\r\nX: y", .unprintable),
        ("https://hôst/", .unprintable),
        ("https://" + String(repeating: "a", count: 2050), .tooLong),
    ])
    func badURLIsRefusedByName(text: String, failure: UpstreamURLFailure) {
        #expect(throws: failure) { try UpstreamURL(text) }
        #expect(!failure.description.isEmpty)
    }

    @Test(arguments: ["https://", "https:///", "http://host:99999/", "http://[::1/", "http://a:b/"])
    func brokenURLIsRefused(text: String) {
        #expect(throws: UpstreamURLFailure.self) { try UpstreamURL(text) }
    }

    @Test(arguments: [
        ("http://LocalHost:1", true), ("http://127.0.0.1", true), ("http://127.1.2.3/a", true),
        ("http://[::1]:8080", true), ("http://127.1", true), ("https://localhost.evil.com", false),
        ("http://127.0.0.1.evil.com", false), ("http://10.0.0.1", false), ("http://[::2]", false),
    ])
    func loopbackIsRecognised(text: String, isLoopback: Bool) throws {
        try expectEqual(UpstreamURL(text).isLoopback, isLoopback)
    }
}

struct UpstreamEndpointTests {
    @Test func idIsUnchangedInThePath() throws {
        let action = id("a.b_c~d:e-f")
        let orders = try UpstreamEndpoint.test("https://miraklconnect.com/api/")
        expectEqual(
            orders.url(of: action),
            "https://miraklconnect.com/api/v2/orders/actions/a.b_c~d:e-f")
        let vouchers = try UpstreamEndpoint.test(
            "https://api.voucherify.io", path: "/v1/async-actions/{id}")
        expectEqual(
            vouchers.url(of: action), "https://api.voucherify.io/v1/async-actions/a.b_c~d:e-f")
    }

    @Test func secretsAreNeverShown() throws {
        let secret = Secret("hush")
        expectEqual("\(secret) \(String(reflecting: secret))", "[secret] [secret]")
        let credentials = UpstreamCredentials.clientCredentials(
            ClientCredentials(
                tokenURL: try UpstreamURL("https://host"), clientID: "c", clientSecret: secret))
        let endpoint = try UpstreamEndpoint.test("https://host", credentials: credentials)
        var dumped = ""
        dump(endpoint, to: &dumped)
        #expect(!dumped.contains("hush"))
        #expect(!"\(endpoint)".contains("hush"))
    }

    @Test(arguments: ["", "a b", "a\n", "a\r\nX: y", "ü", "\u{7F}"])
    func unsendableCredentialsAreRefused(text: String) {
        let failure = EndpointFailure.unsendable(.token)
        #expect(throws: failure) {
            try UpstreamEndpoint.test("https://host", credentials: .bearer(Secret(text)))
        }
        #expect(throws: EndpointFailure.unsendable(.applicationID)) {
            try UpstreamEndpoint.test(
                "https://host", credentials: .applicationKeys(appID: text, token: Secret("t")))
        }
        #expect(throws: EndpointFailure.unsendable(.applicationToken)) {
            try UpstreamEndpoint.test(
                "https://host", credentials: .applicationKeys(appID: "a", token: Secret(text)))
        }
    }

    @Test func impossibleSettingsAreRefused() {
        #expect(throws: EndpointFailure.timeoutOutOfRange) {
            try UpstreamEndpoint.test("https://host", timeout: .zero)
        }
        #expect(throws: EndpointFailure.baseHoldsPath("/v2")) {
            try UpstreamEndpoint.test("https://host/v2")
        }
    }
}
