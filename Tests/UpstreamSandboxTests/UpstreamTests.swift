// Tests credentials, the rate window and the routes, without a socket.

import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import UpstreamSandbox

@Suite struct RateWindowTests {
    @Test func windowSlidesWithTime() {
        var window = RateWindow(limit: 2)
        let standings = [0, 10, 20, 60, 65, 70].map { window.arrive(at($0)) }
        expectEqual(standings.map(\.isServed), [true, true, false, true, false, true])
        expectEqual(standings.map(\.remaining), [1, 0, 0, 0, 0, 0])
        expectEqual(standings[2].wait, .seconds(40))
        expectEqual(standings[4].wait, .seconds(5))
    }

    @Test func zeroIsNoLimit() {
        var window = RateWindow(limit: 0)
        #expect((0..<1000).allSatisfy { _ in window.arrive(at(0)).isServed })
    }
}

@Suite struct TokenBookTests {
    @Test func tokenIsValidForItsLifetime() {
        var book = TokenBook()
        let token = book.handOut(now: at(0), life: .seconds(10))
        #expect(book.isGood(token, now: at(9)))
        #expect(!book.isGood(token, now: at(10)))
        #expect(!book.isGood("other", now: at(0)))
    }

    @Test func oldestTokenIsReplaced() {
        var book = TokenBook()
        let first = book.handOut(now: at(0), life: .seconds(10))
        for _ in 0..<TokenBook.tokensMax {
            _ = book.handOut(now: at(0), life: .seconds(10))
        }
        #expect(!book.isGood(first, now: at(0)))
    }
}

@Suite struct SandboxTests {
    static let order = "1ba5fc4b-c4fd-4251-880b-3052e301bbd4"
    static let voucher = "aa_0adad13d6f057f088e"
    static let appToken = [("x-app-id", "sandbox-app"), ("x-app-token", "sandbox-app-token")]
    static let bearer = [("authorization", "Bearer sandbox-token")]

    @Test(arguments: [
        ("/api/v2/orders/actions/\(order)", bearer, 200),
        ("/v2/orders/actions/\(order)", bearer, 200),
        ("/v2/orders/actions/\(order)", [("authorization", "bearer sandbox-token")], 200),
        ("/v2/orders/actions/\(order)", [("authorization", "Bearer other")], 401),
        ("/v2/orders/actions/\(order)", [], 401),
        ("/v2/orders/actions/\(order)", appToken, 401),
        ("/v2/orders/actions/nobody", bearer, 404),
        ("/v1/async-actions/\(voucher)", appToken, 200),
        ("/v1/async-actions/\(voucher)", bearer, 401),
        ("/v1/async-actions/nobody", appToken, 404),
        ("/v1/vouchers", appToken, 404),
        ("/nowhere", [], 200),
        ("/sandbox/ids", [], 200),
        ("/sandbox/nothing", [], 404),
    ])
    func pathAndCredentialsDecide(
        _ target: String, _ fields: [(String, String)], _ status: Int
    ) throws {
        let sandbox = Sandbox(Settings(), now: at(0), wall: wall)
        try expectEqual(answer(sandbox, call(target, fields)).status, status)
    }

    @Test func tokenIsAcceptedUntilItExpires() throws {
        var settings = Settings()
        settings.ordersTokenLife = .seconds(60)
        let sandbox = Sandbox(settings, now: at(0), wall: wall)
        var fetch = call("/oauth/token")
        fetch.method = "POST"
        fetch.body = Array(
            ("grant_type=client_credentials&client_id=sandbox-client"
                + "&client_secret=sandbox%2Dsecret").utf8)
        let json = try JSONReader.read(try answer(sandbox, fetch).body)
        expectEqual(json["token_type"]?.string, "Bearer")
        expectEqual(json["expires_in"]?.integer, 60)
        let token = try #require(json["access_token"]?.string)
        var look = call(
            "/v2/orders/actions/\(Self.order)", [("authorization", "Bearer \(token)")])
        try expectEqual(answer(sandbox, look).status, 200)
        look.arrived = at(60)
        try expectEqual(answer(sandbox, look).status, 401)
    }

    @Test(arguments: [
        ("client_id=sandbox-client&client_secret=sandbox-secret", 400),
        ("grant_type=client_credentials&client_id=sandbox-client&client_secret=other", 401),
        ("grant_type=client_credentials", 401),
        ("", 401),
    ])
    func wrongClientGetsNoToken(_ body: String, _ status: Int) throws {
        let sandbox = Sandbox(Settings(), now: at(0), wall: wall)
        var fetch = call("/oauth/token")
        fetch.method = "POST"
        fetch.body = Array(body.utf8)
        let response = try answer(sandbox, fetch)
        expectEqual(response.status, status)
        #expect(try JSONReader.read(response.body)["error"]?.string != nil)
    }

    @Test func storyBeginsWithItsFirstLookUp() throws {
        let sandbox = Sandbox(Settings(), now: at(0), wall: wall)
        let statuses = try [1000, 1089, 1090].map { second in
            var look = call("/v2/orders/actions/\(Self.order)", Self.bearer)
            look.arrived = at(second)
            return try JSONReader.read(try answer(sandbox, look).body)["status"]?.string
        }
        expectEqual(statuses, ["PENDING", "PENDING", "SUCCESS"])
    }

    @Test func overTheLimitIs429WithBothFields() throws {
        var settings = Settings()
        settings.callsPerMinute = 1
        let sandbox = Sandbox(settings, now: at(0), wall: wall)
        let look = call("/v1/async-actions/\(Self.voucher)", Self.appToken)
        let first = try answer(sandbox, look)
        expectEqual(first.status, 200)
        expectEqual(first.value("X-Rate-Limit-Remaining"), "0")
        let second = try answer(sandbox, look)
        expectEqual(second.status, 429)
        expectEqual(second.value("Retry-After"), "60")
        expectEqual(second.value("X-Rate-Limit-Retry"), "\(wall.milliseconds / 1000 + 60)")
        expectEqual(second.value("X-Rate-Limit-Type"), "api_calls")
    }

    @Test func everyCallIsInTheAudit() throws {
        let sandbox = Sandbox(Settings(), now: at(0), wall: wall)
        var look = call("/v2/orders/actions/\(Self.order)", Self.bearer)
        _ = sandbox.reaction(to: look, wall: wall)
        look.arrived = at(4)
        look.fields = []
        _ = sandbox.reaction(to: look, wall: wall)
        let audit = try JSONReader.read(try answer(sandbox, call("/sandbox/audit")).body)
        expectEqual(audit["orders"]?["calls"]?.integer, 2)
        expectEqual(audit["orders"]?["smallest_gap_seconds"], .number("4.000000"))
        var reset = call("/sandbox/audit")
        reset.method = "DELETE"
        try expectEqual(answer(sandbox, reset).status, 204)
        let anew = try JSONReader.read(try answer(sandbox, call("/sandbox/audit")).body)
        expectEqual(anew["orders"]?["calls"]?.integer, 0)
    }

    @Test(arguments: [("orders", 200), ("vouchers", 200), ("token", 200), ("moon", 404)])
    func faultsAreSetByPlace(_ place: String, _ status: Int) throws {
        let sandbox = Sandbox(Settings(), now: at(0), wall: wall)
        var put = call("/sandbox/faults/\(place)")
        put.method = "PUT"
        put.body = Array(#"{"kind":"html"}"#.utf8)
        try expectEqual(answer(sandbox, put).status, status)
        put.body = []
        try expectEqual(answer(sandbox, put).status, status == 200 ? 400 : 404)
    }

    private let wall = WallTime(milliseconds: 1_795_000_000_000)

    private func answer(_ sandbox: Sandbox, _ call: Call) throws -> Response {
        let reaction = sandbox.reaction(to: call, wall: wall)
        guard case .answer(let response) = reaction.deed else {
            Issue.record("\(reaction.name) instead of an answer")
            return Response(status: 0)
        }
        return response
    }

    private func call(_ target: String, _ fields: [(String, String)] = []) -> Call {
        let halves = target.split(separator: "?", maxSplits: 1)
        return Call(
            method: "GET", segments: halves[0].split(separator: "/").map(String.init),
            parameters: FormCoding.pairs(halves.count > 1 ? String(halves[1]) : ""),
            fields: fields.map { ($0.0, $0.1) }, arrived: at(0))
    }
}

@Suite struct SpanOfTimeTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("2m", .seconds(120)),
        ("1h", .seconds(3600)), ("0s", .zero),
    ])
    func spanIsRead(_ text: String, _ span: Duration) {
        expectEqual(SpanOfTime(argument: text)?.duration, span)
    }

    @Test(arguments: ["", "s", "5", "-1s", "1.5s", "9999999h", "99999999999s"])
    func otherTextIsNotASpan(_ text: String) {
        #expect(SpanOfTime(argument: text) == nil)
    }
}

private func at(_ seconds: Int) -> Instant {
    Instant(nanoseconds: Int64(seconds) * 1_000_000_000)
}

extension Response {
    fileprivate func value(_ name: String) -> String? {
        fields.first { $0.name == name }?.value
    }
}
