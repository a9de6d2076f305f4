// What web pages can do to a service that their reader's machine reaches, shown with the fields that
// browsers send and with a real browser.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct BrowserTests {
    private static let finished = "aa_000000000000000200"
    private static let foreign = Browser.foreignName

    private func status(
        _ world: World, _ path: String, host: String, _ fields: [String]
    ) throws -> Int {
        var client = try Client(port: world.port)
        let lines = ["GET \(path) HTTP/1.1", "Host: \(host)"] + fields
        try client.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        return try client.receive().status
    }

    // MARK: Fields

    @Test func browsersForeignHostIsRefusedOnEveryRoute() async throws {
        let world = try await World(["HTTP_HOSTS": "status.internal"])
        let action = "/actions/\(Self.finished)"
        try expectEqual(world.get(action).status, 200)
        // The first is a hit.
        let open = ["/livez", "/readyz", "/openapi.yaml", "/", "/nowhere"]
        for request in GuardedRequest.all(Self.finished) + open.map({ GuardedRequest(path: $0) }) {
            let path = request.path
            let marked = request.fields + ["Accept-Language: en"]
            try expectEqual(status(world, path, host: Self.foreign, marked), 421, "\(request)")
            let expected = path == "/nowhere" ? 404 : 200
            for host in ["localhost", "127.0.0.1:\(world.port)", "status.internal"] {
                try expectEqual(status(world, path, host: host, marked), expected, "\(request)")
            }
            try expectEqual(
                status(world, path, host: Self.foreign, request.fields), expected,
                "\(request)")
        }
        let requests = try world.get("/metrics").text
        #expect(
            requests.contains(
                #"status_proxy_requests_total{route="/actions/{id}",code="421"} 2"#))
        let line = try await world.proxy.wait(for: "the refusal's line") { text in
            text.split(separator: "\n").first { $0.contains(#""status":421"#) }
        }
        #expect(line.contains(#""problem":"misdirected""#))
    }

    @Test func serviceWithKeysAcceptsAnyHostButNoCrossSiteRequest() async throws {
        let folder = try TemporaryFolder()
        // The SHA-256 of "abc" (FIPS 180-2, B.1).
        let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        let world = try await World([
            "CALLER_KEYS_FILE": try folder.write("app \(digest)\n", to: "keys")
        ])
        let key = "Authorization: Bearer abc"
        let action = "/actions/\(Self.finished)"
        try expectEqual(
            status(world, action, host: Self.foreign, [key, "Origin: http://a"]), 200)
        let foreign = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: no-cors"]
        for request in GuardedRequest.all(Self.finished) {
            for fields in [foreign, foreign + [key]] {
                let fields = request.fields + fields
                try expectEqual(
                    status(world, request.path, host: "localhost", fields), 403, "\(request)")
            }
        }
    }

    // MARK: Chromium

    @Test func pageFollowsTheActionOfItsAddress() async throws {
        let world = try await World()
        let document = try await Browser.document(
            at: "http://127.0.0.1:\(world.port)/#\(Self.finished)")
        #expect(document.contains(#"<span class="badge good">Succeeded</span>"#))
        #expect(document.contains(#"role="status" class="good">Connected<"#))
        for name in ["orders", "vouchers"] {
            let heading = try #require(document.firstMatch(of: try Regex("<h3[^>]*>\(name)</h3>")))
            #expect(document[heading.range.upperBound...].prefix(200).contains("Working"))
        }
    }

    @Test func pageAcceptsAnAddressWithInvalidPercentEncoding() async throws {
        let world = try await World()
        let document = try await Browser.document(at: "http://127.0.0.1:\(world.port)/#%")
        #expect(document.contains(">Invalid action id</span>"))
        #expect(document.contains(#"role="status" class="good">Connected<"#))
    }

    /// What a page reads from its own origin, whose name resolves to the service by now.
    private static let reader = """
        <p id=read></p>
        <script>
        Promise.all(["/actions/\(finished)", "/metrics", "/"].map(async path => {
          const answer = await fetch(path, { headers: { "Accept-Language": "" }, referrer: "" });
          return answer.status + ":" + (await answer.text()).length;
        })).then(read => document.getElementById("read").textContent = "read " + read.join(" "));
        </script>
        """

    /// With the name in HTTP_HOSTS the page reads everything: that is how the first attack would
    /// continue.
    @Test(arguments: [false, true])
    func reboundPageReadsNoAnswer(isOwnName: Bool) async throws {
        let world = try await World(isOwnName ? ["HTTP_HOSTS": Self.foreign] : [:])
        let document = try await ForeignSite.open(
            pages: ["/page": Self.reader], before: world.port
        ) { port in
            try await Browser.document(at: "http://\(Self.foreign):\(port)/page")
        }
        let code = isOwnName ? "200" : "421"
        let read = try #require(document.firstMatch(of: /read (\d+):\d+ (\d+):\d+ (\d+):\d+/))
        expectEqual([read.1, read.2, read.3], [Substring](repeating: code[...], count: 3))
    }

    @Test func pageOfAnotherSiteCausesNoCallButMayLinkHere() async throws {
        let world = try await World()
        let service = "http://127.0.0.1:\(world.port)/actions"
        let pages = [
            "/page": """
            <img src="\(service)/aa_image"><iframe src="\(service)/aa_frame"></iframe>
            <script src="\(service)/aa_script"></script>
            <p id=asked></p>
            <script>
            Promise.allCompleted([
              fetch("\(service)/aa_simple", { mode: "no-cors" }), fetch("\(service)/aa_cors"),
            ]).then(() => document.getElementById("asked").textContent = "all asked");
            </script>
            """,
            "/link": #"<script>location.href = "\#(service)/\#(Self.finished)"</script>"#,
        ]
        try await ForeignSite.open(pages: pages, before: world.port) { port in
            let site = "http://\(Self.foreign):\(port)"
            let document = try await Browser.document(at: "\(site)/page")
            #expect(document.contains("all asked"))
            try expectEqual(world.audit().vouchers.callsByID, [:])
            #expect(
                try world.get("/metrics").text.contains(#"route="/actions/{id}",code="403"} 5"#))
            #expect(try await Browser.document(at: "\(site)/link").contains("SUCCEEDED"))
        }
    }
}
