// Caller keys through the real program: who is let in, how keys are exchanged, and quotas.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct CallerKeyTests {
    /// A world with keys on, and the file with them.
    private final class KeyedWorld {
        let folder: TemporaryFolder
        let world: World

        init(_ keys: [(name: String, key: String)], _ settings: [String: String] = [:])
            async throws
        {
            folder = try TemporaryFolder()
            let path = try folder.write(try await CallerKeyTests.lines(keys), to: "keys")
            world = try await World(
                settings.merging(["CALLER_KEYS_FILE": path]) { first, _ in first })
        }

        func rewrite(_ text: String) throws { _ = try folder.write(text, to: "keys") }

        func get(
            _ path: String, key: String?, method: String = "GET", fields: [String] = []
        ) throws -> Reply {
            let credential = key.map { ["Authorization: Bearer \($0)"] } ?? []
            return try world.get(path, method: method, fields: fields + credential)
        }
    }

    /// A file's text. The digests come from the tool that the README names.
    private static func lines(_ keys: [(name: String, key: String)]) async throws -> String {
        var text = "# callers\n"
        for (name, key) in keys {
            let folder = try TemporaryFolder()
            let path = try folder.write(key, to: "key")
            text += "\(name) \(try await Tool.run("sha256sum", [path]).prefix(64))\n"
        }
        return text
    }

    private static let known = "/actions/\(DemoID.pendingVoucher)"

    @Test func onlyKnownKeysAreLetIn() async throws {
        let keyed = try await KeyedWorld([("app", "key-one"), ("app", "key-two")])
        let contract = try ContractDocument.ofThisService()
        let malformed = GuardedRequest(path: "/actions/..")
        for request in GuardedRequest.all(DemoID.pendingVoucher) + [malformed] {
            for key in [nil, "", "wrong", "key-on", "key-one1"] {
                let reply = try keyed.get(request.path, key: key, fields: request.fields)
                expectEqual(reply.status, 401, "\(request)")
                expectEqual(reply["www-authenticate"], "Bearer")
                expectEqual(reply.json["code"]?.string, "unauthorized")
            }
        }
        let refused = try keyed.get(Self.known, key: nil)
        let faults = contract.violations(
            method: "GET", path: "/actions/{id}", status: 401, fields: refused.fields,
            body: refused.body)
        expectEqual(faults, [])
        for key in ["key-one", "key-two"] {
            try expectEqual(keyed.get(Self.known, key: key).status, 200)
            try expectEqual(keyed.get("/metrics", key: key).status, 200)
        }
        try expectEqual(keyed.world.audit().vouchers.calls, 1)
    }

    @Test func answersToCallersWithKeysAreNotForSharedCaches() async throws {
        let keyed = try await KeyedWorld([("app", "key-one")])
        for request in GuardedRequest.all("aa_000000000000000200") {
            let reply = try keyed.get(request.path, key: "key-one", fields: request.fields)
            expectEqual(reply.status, 200, "\(request)")
            let control = try #require(reply["cache-control"], "\(request)")
            #expect(control.hasPrefix("private, ") || control == "no-store", "\(request)")
        }
    }

    @Test func noCallerUsesMoreThanHalfOfTheCallsForUnknownIDs() async throws {
        let keyed = try await KeyedWorld(
            [("greedy", "key-one"), ("modest", "key-two")], ["VOUCHERS_CALLS_PER_MINUTE": "8"])
        func ask(_ id: String, _ key: String) throws -> Reply {
            try keyed.get("/actions/\(id)?source=vouchers", key: key)
        }
        let statuses = try (1...4).map { try ask("aa_greedy\($0)", "key-one").status }
        expectEqual(statuses, [404, 404, 503, 503])
        let refused = try ask("aa_greedy5", "key-one")
        expectEqual(
            refused.json["sources"]?.array?.first?["outcome"]?.string,
            "budget-spent-minute-caller")
        #expect(Int(refused["retry-after"] ?? "") ?? 0 > 50)
        try expectEqual(keyed.get(Self.known, key: "key-two").status, 200)
        try expectEqual(ask("aa_modest", "key-two").status, 404)
        try expectEqual(keyed.world.audit().vouchers.calls, 4)
    }

    @Test func healthChecksContractAndOptionsNeedNoKey() async throws {
        let keyed = try await KeyedWorld([("app", "key-one")])
        for path in ["/livez", "/healthz", "/readyz", "/openapi.yaml"] {
            try expectEqual(keyed.get(path, key: nil).status, 200)
        }
        try expectEqual(keyed.get("/", key: nil, method: "OPTIONS").status, 204)
        try expectEqual(keyed.get(Self.known, key: nil, method: "OPTIONS").status, 204)
        try expectEqual(keyed.get("/nowhere", key: nil).status, 404)
    }

    @Test func logHasTheCallersNameButNotItsKey() async throws {
        let keyed = try await KeyedWorld([("app", "key-one"), ("shop.7", "key-two")])
        // A miss, two hits, and a request that is refused.
        _ = try keyed.get(Self.known, key: "key-one")
        _ = try keyed.get(Self.known, key: "key-one")
        _ = try keyed.get(Self.known, key: "key-two")
        _ = try keyed.get(Self.known, key: "key-three")
        keyed.world.proxy.signal(SIGTERM)
        _ = try await keyed.world.proxy.exitCode()
        let lines = keyed.world.proxy.text.split(separator: "\n")
            .compactMap { try? JSONReader.read(Array($0.utf8)) }
            .filter { $0["message"]?.string == "request" }
        expectEqual(lines.map { $0["caller"]?.string }, ["app", "app", "shop.7", nil])
        expectEqual(lines.map { $0["cache"]?.string }, ["miss", "hit", "hit", nil])
        expectEqual(lines.last?["problem"]?.string, "unauthorized")
        expectEqual(lines.map { $0["peer"]?.string }, lines.map { _ in "127.0.0.1" })
        #expect(!keyed.world.proxy.text.contains("key-"))
    }

    @Test func keysAreReplacedOnSighup() async throws {
        let keyed = try await KeyedWorld([("app", "key-one")])
        try expectEqual(keyed.get(Self.known, key: "key-two").status, 401)
        try keyed.rewrite(try await Self.lines([("app", "key-two")]))
        keyed.world.proxy.signal(SIGHUP)
        try await eventually("the new key to work") {
            try keyed.get(Self.known, key: "key-two").status == 200
        }
        try expectEqual(keyed.get(Self.known, key: "key-one").status, 401)
    }

    @Test func invalidKeyFileChangesNothingAndIsReported() async throws {
        let keyed = try await KeyedWorld([("app", "key-one")])
        let good = "status_proxy_caller_keys_good"
        #expect(try keyed.get("/metrics", key: "key-one").text.contains("\(good) 1"))
        try keyed.rewrite("app key-two\n")
        // Without a signal, the change is noticed within seconds.
        try await eventually("the broken file to be noticed") {
            try keyed.get("/metrics", key: "key-one").text.contains("\(good) 0")
        }
        try expectEqual(keyed.get(Self.known, key: "key-one").status, 200)
        let line = try await keyed.world.proxy.wait(for: "the complaint") { text in
            text.split(separator: "\n").first { $0.contains("cannot be used") }
        }
        #expect(line.contains("CALLER_KEYS_FILE"))
        #expect(line.contains("keys:1: "))
        #expect(!line.contains("key-two"))
    }

    @Test func eachCallerHasAQuotaWithRetryAfter() async throws {
        let keyed = try await KeyedWorld(
            [("app", "key-one"), ("other", "key-two")], ["CALLER_REQUESTS_PER_SECOND": "1"])
        let contract = try ContractDocument.ofThisService()
        try expectEqual(keyed.get(Self.known, key: "key-two").status, 200)
        var refused: Reply?
        // Some of them are hits: the hot path counts, too.
        for _ in 0..<1000 where refused == nil {
            let reply = try keyed.get(Self.known, key: "key-one")
            if reply.status == 429 { refused = reply } else { expectEqual(reply.status, 200) }
        }
        let reply = try #require(refused)
        expectEqual(reply["retry-after"], "1")
        let faults = contract.violations(
            method: "GET", path: "/actions/{id}", status: 429, fields: reply.fields,
            body: reply.body)
        expectEqual(faults, [])
        try await eventually("the quota to refill") {
            try keyed.get(Self.known, key: "key-one").status == 200
        }
    }

    @Test func wrongKeysCountAgainstTheirPeerAndRightOnesDoNot() async throws {
        let keyed = try await KeyedWorld([("app", "key-one")])
        let contract = try ContractDocument.ofThisService()
        try expectEqual(keyed.get(Self.known, key: "key-one").status, 200)
        let request = "GET \(Self.known) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer no\r\n\r\n"
        var client = try Client(port: keyed.world.port)
        try client.send(String(repeating: request, count: 500))
        var statuses: [Int] = []
        var last = try client.receive()
        while last.status == 401, statuses.count < 500 {
            statuses.append(last.status)
            last = try client.receive()
        }
        // At most the burst, and what was allowed while they were read.
        #expect((50..<400).contains(statuses.count))
        expectEqual(last.status, 429)
        expectEqual(last["connection"], "close")
        expectEqual(last["retry-after"], "1")
        let faults = contract.violations(
            method: "GET", path: "/actions/{id}", status: 429,
            fields: last.fields.filter { $0.name != "connection" }, body: last.body)
        expectEqual(faults, [])
        #expect(throws: (any Error).self) { try client.receive() }
        for key in ["key-one", "key-one"] {
            try expectEqual(keyed.get(Self.known, key: key).status, 200)
        }
        try await eventually("the quota to refill") {
            try keyed.get(Self.known, key: nil).status == 401
        }
    }

    /// A caller that waits, or reads a stream.
    private func held(_ path: String, key: String, on world: World) throws -> RawSocket {
        let socket = try RawSocket(port: world.port)
        try socket.send(
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(key)\r\n\r\n")
        return socket
    }

    @Test func heldRequestsAndStreamsOfACallerAreLimited() async throws {
        let keyed = try await KeyedWorld(
            [("app", "key-one"), ("other", "key-two")],
            ["CALLER_HELD_MAX": "2", "WAIT_MAX": "600s"])
        let contract = try ContractDocument.ofThisService()
        let finished = "/actions/aa_000000000000000200"
        func until(waiters: Int) async throws {
            try await eventually("\(waiters) waiters") {
                try keyed.get("/metrics", key: "key-two").text.contains(
                    "\nstatus_proxy_waiters \(waiters)\n")
            }
        }
        for path in [Self.known, finished] {
            try expectEqual(keyed.get(path, key: "key-one").status, 200)
        }
        let waiting = [
            try held("\(Self.known)?wait=600", key: "key-one", on: keyed.world),
            try held("\(Self.known)/events", key: "key-one", on: keyed.world),
        ]
        try await until(waiters: 2)
        for (path, route) in [
            ("\(Self.known)?wait=600", "/actions/{id}"), ("/actions/aa_1", "/actions/{id}"),
            ("/actions?id=\(DemoID.pendingVoucher)&id=b&wait=600", "/actions"),
            ("\(Self.known)/events", "/actions/{id}/events"),
        ] {
            let reply = try keyed.get(path, key: "key-one")
            expectEqual(reply.status, 429)
            expectEqual(reply["retry-after"], "1")
            let faults = contract.violations(
                method: "GET", path: route, status: 429, fields: reply.fields, body: reply.body)
            expectEqual(faults, [])
        }
        // Answers from memory, alone or in a batch, need no place; nor do others' waits.
        try expectEqual(keyed.get(finished, key: "key-one").status, 200)
        let batch = "/actions?id=aa_000000000000000200&id=.."
        try expectEqual(keyed.get(batch, key: "key-one").status, 200)
        let other = try held("\(Self.known)?wait=600", key: "key-two", on: keyed.world)
        try await until(waiters: 3)
        for socket in waiting {
            socket.close()
            try await eventually("a free place") {
                try keyed.get("\(Self.known)?wait=1", key: "key-one").status == 200
            }
        }
        try await until(waiters: 1)
        other.close()
        try await until(waiters: 0)
        // An unknown id was not even looked up while there was no place.
        #expect(try keyed.world.audit().vouchers.callsByID["aa_1"] == nil)
    }

    @Test func invalidKeyFileStopsTheStartAndNamesTheLine() async throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("# callers\napp hush-key\n", to: "keys")
        let program = try Program(
            "status-proxy",
            environment: [
                "VOUCHERS_APP_ID": "a", "VOUCHERS_APP_TOKEN": "b", "CALLER_KEYS_FILE": path,
            ])
        try await expectEqual(program.exitCode(), 78)
        #expect(program.text.contains("CALLER_KEYS_FILE: \(path):2: "))
        #expect(!program.text.contains("hush"))
    }
}
