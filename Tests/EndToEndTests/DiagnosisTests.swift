// A person who does not know the service finds the cause of each fault in its log, in /readyz, on the
// page and in an explanation.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct DiagnosisTests {
    private static let known = "/actions/\(DemoID.pendingVoucher)"

    private func lines(_ message: String, in text: String) -> [JSONValue] {
        text.split(separator: "\n").filter { $0.contains(message) }
            .compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == message }
    }

    /// Asks until all three name it; the log names it once.
    private func expectSaid(
        _ words: String, of component: String = "vouchers", about path: String = known,
        in log: String, _ outcome: String? = nil, _ world: World,
        explained: String? = nil, lasts: Bool = true
    ) async throws {
        let explained = explained ?? words
        try await eventually("the cause") {
            _ = try world.get(path)
            let checks = try world.get("/readyz").json["checks"]
            let check = checks?["\(component):availability"]?.array?.first
            let summary = try world.get("\(path)/explain").json["summary"]?.string
            return check?["status"]?.string == "warn"
                && check?["output"]?.string?.contains(words) == true
                && summary?.contains(explained) == true
                && !lines(log, in: world.proxy.text).isEmpty
        }
        try expectEqual(world.get("/readyz").status, 200)
        let text = try world.get("\(path)/explain", fields: ["Accept: text/plain"])
        expectEqual(text["content-type"], "text/plain; charset=utf-8")
        #expect(text.text.contains(explained))
        let begins = lines(log, in: world.proxy.text)
        expectEqual(begins.count, 1)
        expectEqual(begins.first?["reason"]?.string?.isEmpty, false)
        if let outcome { expectEqual(begins.first?["outcome"]?.string, outcome) }
        if lasts { try await expectOnPage(words, world) }
    }

    /// A person who opens the page reads the same sentence there.
    private func expectOnPage(_ words: String, _ world: World) async throws {
        let document = try await Browser.document(at: "http://127.0.0.1:\(world.port)/")
        #expect(document.contains(words))
    }

    private func end(_ message: String, in world: World) async throws {
        _ = try await world.proxy.wait(for: message) { text in
            lines(message, in: text).isEmpty ? nil : true
        }
        expectEqual(lines(message, in: world.proxy.text).count, 1)
    }

    @Test func upstreamIsDown() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.known).status, 200)
        world.sandbox.signal(SIGKILL)
        _ = try await world.sandbox.exitCode()
        for number in 0..<5 { _ = try world.get("/actions/aa_cold\(number)") }
        try await expectSaid(
            "it cannot be connected to", in: "upstream keeps failing, calls stop",
            "connect-failed", world)
    }

    @Test func tokenIsRevoked() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.known).status, 200)
        try world.setFault("vouchers", #"{"kind":"status","status":401}"#)
        try await expectSaid(
            "it refuses our credential (HTTP 401)", in: "no credential that the upstream accepts",
            "unauthorized", world)
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        try await eventually("another call") {
            _ = try world.get(Self.known)
            return try world.get("/readyz").json["status"]?.string == "pass"
        }
        try await end("credential is accepted again", in: world)
    }

    @Test func clientSecretIsWrong() async throws {
        let world = try await World(["ORDERS_CLIENT_SECRET": "wrong"])
        try await expectSaid(
            "the token endpoint refuses our client id or secret (HTTP 401)", of: "orders",
            about: "/actions/\(DemoID.order)", in: "no credential that the upstream accepts",
            "token-refused", world)
        #expect(!world.proxy.text.contains("wrong"))
    }

    @Test func upstreamAsksForAPause() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.known).status, 200)
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":5}"#)
        try await expectSaid(
            "it asked for a pause (HTTP 429)", in: "upstream asked for a pause, calls stop",
            "throttled", world, lasts: false)
        let begin = lines("upstream asked for a pause, calls stop", in: world.proxy.text).first
        #expect(begin?["until"]?.string.flatMap(RFC3339.parse) != nil)
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        try await end("upstream's pause is over", in: world)
        try expectEqual(world.get("/readyz").json["status"]?.string, "pass")
    }

    @Test func budgetIsSpent() async throws {
        let world = try await World(["VOUCHERS_CALLS_PER_MINUTE": "2"])
        try expectEqual(world.get(Self.known).status, 200)
        try await expectSaid(
            "budget of calls for this minute is spent", in: "call budget is spent", nil, world)
        let begin = lines("call budget is spent", in: world.proxy.text).first
        expectEqual(begin?["reason"]?.string, "budget-spent-minute")
        #expect(begin?["until"]?.string.flatMap(RFC3339.parse) != nil)
    }

    @Test func diskIsFull() async throws {
        let disk = try SmallDisk(kibibytes: 1024)
        let world = try await World(["STORE_URL": "sqlite:\(disk.path)/store.sqlite"])
        try expectEqual(world.get(Self.known).status, 200)
        try disk.fill()
        try await expectSaid(
            "the store cannot be used", of: "store", in: "store operations fail, calls stop", nil,
            world, explained: "this service's own store cannot be used")
        let begin = lines("store operations fail, calls stop", in: world.proxy.text).first
        expectEqual(begin?["error"]?.string?.contains("full"), true)
        try disk.makeRoom()
        try await eventually("recovery") {
            _ = try world.get(Self.known)
            return try world.get("/readyz").json["status"]?.string == "pass"
        }
        try await end("store operations succeed again", in: world)
        // Ends before its disk is unmounted.
        try await world.killProxy()
    }

    @Test func pageShowsAPause() async throws {
        let world = try await World()
        try world.setFault("vouchers", #"{"kind":"status","status":429,"retry_after":600}"#)
        try expectEqual(world.get(Self.known).status, 503)
        try await expectOnPage("it asked for a pause (HTTP 429)", world)
    }

    @Test func databaseIsDown() async throws {
        let cluster = try PostgresCluster()
        let world = try await World(["STORE_URL": Fleet.newDatabase(on: cluster)])
        try await eventually("an answer") { try world.get(Self.known).status == 200 }
        try cluster.stop(.immediate)
        try await expectSaid(
            "the store cannot be used", of: "store", in: "store operations fail, calls stop", nil,
            world, explained: "this service's own store cannot be used")
        // The store's own line has the cause.
        #expect(world.proxy.text.contains("\"message\":\"store\""))
        try cluster.start()
        try await eventually("recovery") {
            _ = try world.get("/actions/aa_cold")
            return try world.get("/readyz").json["status"]?.string == "pass"
        }
        try await end("store operations succeed again", in: world)
    }
}
