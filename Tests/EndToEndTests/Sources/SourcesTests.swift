// Six sources of four kinds, one of them added by a JSON file: in one process, and on two replicas.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct SourcesTests {
    /// Two accounts for orders and two for vouchers, conversations, and an API by description.
    private static func six(_ sandboxPort: Int) -> [String: String] {
        let url = "http://127.0.0.1:\(sandboxPort)"
        var settings = [
            "SOURCES": "orders,orders-de,vouchers,vouchers-de,chats,jobs",
            "ORDERS_DE_KIND": "mirakl-orders", "ORDERS_DE_URL": "\(url)/accounts/1/api",
            "ORDERS_DE_TOKEN": "sandbox-token",
            "VOUCHERS_DE_KIND": "voucherify", "VOUCHERS_DE_URL": "\(url)/accounts/1",
            "VOUCHERS_DE_CLIENT_ID": "sandbox-app",
            "VOUCHERS_DE_CLIENT_SECRET": "sandbox-app-token",
            "CHATS_KIND": "mirakl-conversations", "CHATS_URL": url, "CHATS_TOKEN": "sandbox-token",
            "JOBS_KIND": "json", "JOBS_URL": url,
            "JOBS_DESCRIPTION_FILE": Project.path("examples/sandbox-jobs.json"),
            "JOBS_TOKEN": "sandbox-token", "JOBS_TOKEN_HEADER": "X-Api-Key",
        ]
        for source in ["ORDERS_DE", "VOUCHERS_DE", "CHATS", "JOBS"] {
            settings["\(source)_MIN_INTERVAL"] = "2s"
            settings["\(source)_MAX_INTERVAL"] = "2s"
            settings["\(source)_TIMEOUT"] = "4s"
        }
        return settings
    }

    /// An action of each source, which no other knows.
    private static let actions: [(id: String, source: String)] = [
        ("00000000-0000-4000-9000-0000000000a1", "orders"),
        ("00000000-0000-4000-9001-0000000000a2", "orders-de"),
        ("aa_face00000000000003", "vouchers"), ("aa_01face000000000004", "vouchers-de"),
        ("00000000-0000-4000-a000-0000000000a5", "chats"), ("job-00-000000a6", "jobs"),
    ]

    private func world() async throws -> World { try await World(sources: Self.six) }

    @Test func eachActionIsFoundAtItsSource() async throws {
        let world = try await world()
        for action in Self.actions {
            let reply = try world.get("/actions/\(action.id)")
            expectEqual(reply.status, 200, "\(reply.text)")
            expectEqual(reply.json["source"]?.string, action.source)
        }
        let ids = Self.actions.map { "id=\($0.id)" }.joined(separator: "&")
        let batch = try world.get("/actions?\(ids)").json
        expectEqual(
            batch["actions"]?.array?.map { $0["source"]?.string ?? "" },
            Self.actions.map(\.source))
    }

    /// An id that fits three sources costs three calls, and one call when the caller names the source.
    @Test func firstLookUpCostsACallForEachMatchingSource() async throws {
        let world = try await world()
        let id = "00000000-0000-4000-9001-0000000000b1"
        try expectEqual(world.get("/actions/\(id)").status, 200)
        try expectEqual(world.calls(of: id), 3)
        let named = "00000000-0000-4000-9001-0000000000b2"
        try expectEqual(world.get("/actions/\(named)?source=orders-de").status, 200)
        try expectEqual(world.calls(of: named), 1)
        // An id of no known shape goes to all sources; none knows it.
        let strange = "strange.1"
        let missing = try world.get("/actions/\(strange)")
        expectEqual(missing.status, 404)
        expectEqual(missing.json["sources"]?.array?.count, 6)
        try expectEqual(world.calls(of: strange), 6)
    }

    @Test func unknownSourceIsRefusedWithTheConfiguredNames() async throws {
        let world = try await world()
        let reply = try world.get("/actions/a?source=orders-fr")
        expectEqual(reply.status, 400)
        let names = "orders, orders-de, vouchers, vouchers-de, chats, jobs"
        expectEqual(reply.json["detail"]?.string?.contains(names), true)
    }

    @Test func jobOfADescribedAPIIsReadWithAllParts() async throws {
        let world = try await world()
        let failed = try world.get("/actions/bad-00-00000001").json
        expectEqual(failed["status"]?.string, "FAILED")
        expectEqual(failed["progress"]?.integer, 40)
        expectEqual(failed["counts"]?["failed"]?.integer, 1)
        let error = failed["errors"]?.array?.first
        #expect(error?["code"]?.string == "E_INPUT" && error?["class"]?.string == "input")
        expectEqual(error?["target"]?.string, "7")
        let chat = try world.get("/actions/00000000-0000-4000-b000-000000000001?source=chats").json
        expectEqual(chat["status"]?.string, "FAILED")
        expectEqual(chat["upstream"]?["status"]?.string, "ERROR")
    }

    /// A source that hangs does not delay an action that another one knows.
    @Test func sourceThatHangsDelaysNoOther() async throws {
        let world = try await world()
        for source in ["orders", "conversations"] {
            try world.setFault(source, #"{"kind":"hang"}"#)
        }
        let reply = try world.get("/actions/00000000-0000-4000-9001-0000000000c1?source=orders-de")
        expectEqual(reply.json["source"]?.string, "orders-de")
        let voucher = try world.get("/actions/aa_face000000000000c2")
        expectEqual(voucher.json["source"]?.string, "vouchers")
        try expectEqual(world.get("/actions/job-00-000000c3?source=jobs").status, 200)
        // Two of the three that fit do not answer: the third's answer waits for them only a moment.
        let found = try world.get("/actions/00000000-0000-4000-9001-0000000000c4")
        #expect(found.status == 200 && found.json["source"]?.string == "orders-de")
        // All of that before one of the unanswered calls reaches its deadline.
        let metrics = try world.get("/metrics").text
        for source in ["orders", "chats"] {
            let calls = #"upstream_calls_total{source="\#(source)",outcome="timed-out"}"#
            #expect(metrics.contains("\(calls) 0\n"))
        }
    }

    /// A name that the store does not know may be the new name of another one, whose actions were just
    /// called.
    @Test func renamedSourceStartsPausedAndAReturningOneDoesNot() async throws {
        let world = try await world()
        let id = "job-00-000000d1"
        try expectEqual(world.get("/actions/\(id)?source=jobs").status, 200)
        try await world.killProxy()
        let renamed = Self.six(world.sandboxPort).map { key, value in
            (
                key.replacingOccurrences(of: "JOBS_", with: "EXPORTS_"),
                key == "SOURCES" ? value.replacingOccurrences(of: "jobs", with: "exports") : value
            )
        }
        for key in world.settings.keys where key.hasPrefix("JOBS_") { world.change([key: ""]) }
        world.change(Dictionary(uniqueKeysWithValues: renamed))
        try await world.restartProxy()
        let paused = try world.get("/actions/\(id)?source=exports")
        #expect(paused.status == 503 && paused["retry-after"] != nil, "\(paused.text)")
        let sources = try world.get("/sources").text
        #expect(
            sources.contains("it is paused in the store, by another process or as a new source"))
        try expectEqual(world.calls(of: id), 1)
        try await eventually("another call") {
            try world.get("/actions/\(id)?source=exports").status == 200
        }
        try await world.killProxy()
        for key in world.settings.keys where key.hasPrefix("EXPORTS_") { world.change([key: ""]) }
        world.change(Self.six(world.sandboxPort))
        try await world.restartProxy()
        let back = try world.get("/actions/\(id)?source=jobs")
        #expect(back.status == 200 && back.json["source"]?.string == "jobs")
        #expect(try world.audit(account: 0)["jobs"]?["calls"]?.integer ?? 0 >= 2)
    }

    @Test func replicasShareEachSourcesGates() async throws {
        let fleet = try await Fleet(2, storeURL: Fleet.newDatabase(), sources: Self.six)
        for (index, action) in Self.actions.enumerated() {
            let first = try fleet.get(index % 2, "/actions/\(action.id)")
            expectEqual(first.status, 200, "\(first.text)")
            let second = try fleet.get(1 - index % 2, "/actions/\(action.id)")
            expectEqual(second.json["source"]?.string, action.source)
        }
        let audit = try await fleet.audited()
        expectEqual(audit.code, 0, "\(audit.text)")
        for action in Self.actions { #expect(audit.text.contains("\(action.source): ")) }
    }
}
