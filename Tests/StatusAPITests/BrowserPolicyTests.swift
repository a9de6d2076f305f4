import HTTPWire
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct BrowserPolicyTests {
    private let open = BrowserPolicy(hosts: nil)
    private let guarded = BrowserPolicy(hosts: ["status.internal", "B.example", "[fd00::7]"])

    private func code(
        _ policy: BrowserPolicy, _ lines: [String], target: String = "/actions/a"
    ) -> ProblemDetails.Code? {
        let text = "GET \(target) HTTP/1.1\r\n" + lines.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = RequestHead()
        let outcome = RequestParser().parse(bytes.span, into: &head)
        expectEqual(outcome, .request(consumed: bytes.count))
        return policy.refusal(of: head, bytes.span)?.code
    }

    @Test(arguments: [
        ("localhost", true), ("localhost:8080", true), ("LocalHost", true), ("127.0.0.1", true),
        ("127.0.0.1:1", true), ("127.255.1.2", true), ("[::1]", true), ("[::1]:8080", true),
        ("status.internal", true), ("STATUS.internal:80", true), ("b.example", true),
        ("[FD00::7]:1", true), ("evil.example", false), ("evil.example:8080", false),
        ("127.0.0.1.evil.example", false), ("localhost.evil.example", false), ("127.0.0", false),
        ("127.0.0.256", false), ("127.1", false), ("0.0.0.0", false), ("10.0.0.1", false),
        ("[::2]", false), ("[::ffff:7f00:1]", false), ("a.status.internal", false), ("", false),
    ])
    func onlyBrowsersHaveToUseAKnownHost(host: String, isOwn: Bool) {
        for mark in [
            "Origin: http://\(host)", "Sec-Fetch-Site: same-origin", "Accept-Language: de",
        ] {
            expectEqual(code(guarded, ["Host: \(host)", mark]), isOwn ? nil : .misdirected)
            #expect(code(open, ["Host: \(host)", mark]) == nil)
        }
        #expect(code(guarded, ["Host: \(host)", "Accept: */*"]) == nil)
    }

    @Test func targetsHostOverridesTheFieldAndAMissingHostIsUnknown() {
        let mark = "Accept-Language: de"
        let own = "http://localhost:8080/actions/a"
        let foreign = "http://evil.example/actions/a"
        #expect(code(guarded, ["Host: evil.example", mark], target: own) == nil)
        expectEqual(code(guarded, ["Host: localhost", mark], target: foreign), .misdirected)
        let bytes = Array("GET / HTTP/1.0\r\n\(mark)\r\n\r\n".utf8)
        var head = RequestHead()
        _ = RequestParser().parse(bytes.span, into: &head)
        expectEqual(guarded.refusal(of: head, bytes.span)?.code, .misdirected)
    }

    @Test(arguments: [
        ("cross-site", "no-cors", "image", true), ("cross-site", "cors", "empty", true),
        ("cross-site", "navigate", "iframe", true), ("cross-site", "navigate", "object", true),
        ("cross-site", "websocket", nil, true), ("cross-site", nil, nil, true),
        ("cross-site", "navigate", "document", false), ("cross-site", "navigate", nil, false),
        ("same-site", "no-cors", "image", false), ("same-origin", "cors", "empty", false),
        ("none", "navigate", "document", false),
    ])
    func pagesOfOtherSitesMayOnlyLinkHere(
        site: String, mode: String?, destination: String?, isRefused: Bool
    ) {
        var lines = ["Host: localhost", "Sec-Fetch-Site: \(site)"]
        if let mode { lines.append("Sec-Fetch-Mode: \(mode)") }
        if let destination { lines.append("Sec-Fetch-Dest: \(destination)") }
        for policy in [open, guarded] {
            expectEqual(code(policy, lines), isRefused ? .crossSite : nil)
        }
    }
}
