// Three replicas on one database: what one learns all serve, and a seamless rolling restart.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct ReplicaTests {
    /// The shortest gap between two calls that the settings allow.
    private static let interval = 2.0

    @Test func rollingRestartOfThreeReplicasLosesNoRequestAndBreaksNoGate() async throws {
        let fleet = try await Fleet(
            3, storeURL: Fleet.newDatabase(), ["DRAIN_DELAY": "1500ms"])
        let front = try await HAProxy(
            servicePorts: fleet.ports, check: ["option httpchk GET /readyz"])
        for index in fleet.ports.indices {
            try await front.said("Health check for server service/s\(index) succeeded")
        }
        let start = ContinuousClock.now
        let crowds = [DemoID.pendingOrder, DemoID.pendingVoucher].map {
            Traffic(port: front.port, "/actions/\($0)", callers: 6, every: .milliseconds(5))
        }
        for crowd in crowds { try await crowd.untilAnswered(50) }

        for index in fleet.ports.indices {
            fleet.replicas[index].signal(SIGTERM)
            try await front.said("Server service/s\(index) is DOWN")
            try await expectEqual(fleet.replicas[index].exitCode(), 0)
            try await fleet.restart(index)
            try await front.said("Server service/s\(index) is UP")
            try await eventually("requests at the new process") {
                fleet.replicas[index].text.contains("\"route\":\"/actions/{id}\"")
            }
        }

        for crowd in crowds {
            let seen = await crowd.stop()
            expectEqual(seen.failures, 0)
            expectEqual(Set(seen.statuses.keys), [200], "\(seen.statuses)")
        }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let audit = try fleet.audit()
        for source in [audit.orders, audit.vouchers] {
            #expect(source.calls >= 2 && source.calls <= Int(seconds / Self.interval) + 1)
            #expect(try #require(source.smallestGap) >= Self.interval)
        }
        // The journal that all of them have written agrees with it.
        let journal = try await fleet.audited()
        expectEqual(journal.code, 0, "\(journal.text)")
        #expect(journal.text.contains("every limit was kept"), "\(journal.text)")
    }

    @Test func aReplicaRestartedWithAWrongDatabaseCostsNoRequest() async throws {
        let url = try Fleet.newDatabase()
        let fleet = try await Fleet(2, storeURL: url, ["DRAIN_DELAY": "1500ms"])
        let front = try await HAProxy(
            servicePorts: fleet.ports, check: ["option httpchk GET /readyz"])
        for index in fleet.ports.indices {
            try await front.said("Health check for server service/s\(index) succeeded")
        }
        let crowd = Traffic(
            port: front.port, "/actions/\(DemoID.pendingVoucher)", callers: 6,
            every: .milliseconds(5))
        try await crowd.untilAnswered(100)
        fleet.replicas[0].signal(SIGTERM)
        try await front.said("Server service/s0 is DOWN")
        try await expectEqual(fleet.replicas[0].exitCode(), 0)
        try await fleet.restart(0, ["STORE_URL": url + "_nowhere"])
        try await eventually("the reason") {
            let reply = try fleet.get(0, "/readyz")
            #expect(reply.status == 503 && reply.json["status"]?.string == "fail")
            return reply.json["output"]?.string?.contains("_nowhere\" does not exist") == true
        }
        try expectEqual(fleet.get(0, "/livez").status, 200)
        try expectEqual(fleet.metric(0, "store_up"), 0)
        // HAProxy has checked the new process, and sent it nothing.
        try await eventually("a failed health check") {
            try front.statistic("check_code") == "503"
        }
        try expectEqual(front.statistic("status"), "DOWN")

        fleet.replicas[0].signal(SIGTERM)
        _ = try await fleet.replicas[0].exitCode()
        try await fleet.restart(0)
        try await front.said("Server service/s0 is UP")
        try await eventually("requests at the new process") {
            fleet.replicas[0].text.contains("\"route\":\"/actions/{id}\"")
        }
        let seen = await crowd.stop()
        expectEqual(seen.failures, 0)
        expectEqual(Set(seen.statuses.keys), [200], "\(seen.statuses)")
    }

    @Test(arguments: [true, false])
    func aStateThatOneReplicaReceivesIsServedByAll(withNotifications: Bool) async throws {
        let url = try Fleet.newDatabase()
        let fleet = try await Fleet(3, storeURL: url, sandbox: ["--pending", "3s"])
        for index in 0..<3 { try await eventually("readiness") { try fleet.isWell(index) } }
        if !withNotifications { try SQLSession(url).loseNotifications() }
        var spreads: [Duration] = []
        for id in [DemoID.order, DemoID.voucher] {
            spreads.append(try await spreadOfNews("/actions/\(id)", fleet))
        }
        let audit = try fleet.audit()
        #expect(audit.orders.calls >= 2 && audit.vouchers.calls >= 2)
        // One may have arrived while the machine stalled.
        #expect(try #require(spreads.min()) < .seconds(1), "\(spreads)")
    }

    /// How long the others take to serve what the first has learned.
    private func spreadOfNews(_ path: String, _ fleet: Fleet) async throws -> Duration {
        let first = try fleet.get(0, path)
        expectEqual(first.json["status"]?.string, "PENDING")
        for index in 1..<3 {
            let reply = try fleet.get(index, path)
            expectEqual(reply["etag"], first["etag"])
            expectEqual(reply.json["checked_at"]?.string, first.json["checked_at"]?.string)
        }
        // Only the first gets requests until it has a new state.
        var news = first
        try await eventually("a new state") {
            news = try fleet.get(0, path)
            return news["etag"] != first["etag"]
        }
        let learned = ContinuousClock.now
        for index in 1..<3 {
            try await eventually("the new state at replica \(index)") {
                try fleet.get(index, path)["etag"] == news["etag"]
            }
        }
        let spread = ContinuousClock.now - learned
        let checked = try (0..<3).map { try fleet.get($0, path).json["checked_at"]?.string }
        expectEqual(Set(checked).count, 1)
        letPass(.seconds(1))
        for index in 0..<3 {
            let reply = try fleet.get(index, path + "/explain")
            let answers = reply.json["sources"]?.array?.compactMap { $0["answer"] } ?? []
            let answer = try #require(answers.first)
            let age = Double(try #require(answer["age"]?.integer))
            let truth = try Self.age(of: answer, in: reply)
            #expect(age >= 1 && abs(age - truth) <= 1.5, "\(age), truly \(truth)")
        }
        return spread
    }

    /// By the answer's own Date, so that a busy machine makes no difference. Both are whole or rounded
    /// seconds.
    private static func age(of answer: JSONValue, in reply: Reply) throws -> Double {
        let (dates, times) = (DateFormatter(), ISO8601DateFormatter())
        dates.locale = Locale(identifier: "en_US_POSIX")
        dates.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        times.formatOptions.insert(.withFractionalSeconds)
        let date = try #require(reply["date"].flatMap(dates.date))
        let checked = try #require(answer["checked_at"]?.string.flatMap(times.date))
        return date.timeIntervalSince(checked)
    }

    @Test func aCrowdAtThreeReplicasSharesOneFlight() async throws {
        // The server logs each statement.
        let server = try PostgresCluster(["log_statement=all"])
        let fleet = try await Fleet(
            3, storeURL: Fleet.newDatabase(on: server),
            ["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        let reply = try Client.get(
            port: fleet.sandboxPort, "/sandbox/faults/orders", method: "PUT",
            fields: ["Content-Type: application/json"],
            body: #"{"kind":"delay","milliseconds":700}"#)
        #expect(reply.status < 300)
        let path = "/actions/\(DemoID.pendingOrder)"
        let statuses = await withTaskGroup(of: [Int: Int].self) { group in
            for port in fleet.ports {
                group.addTask {
                    await Pollers.poll(
                        port: port, path, callers: 20, every: .seconds(60),
                        for: .milliseconds(1)
                    ).statuses
                }
            }
            return await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
        }
        expectEqual(statuses, [200: 60])
        try expectEqual(fleet.audit().orders.calls, 1)
        // Each has looked it up and tried the gate, once or a little more often; then they wait for the
        // notification, independently of their callers.
        try await eventually("a write in the log") { server.log.contains("execute write: ") }
        let readings = server.log.ranges(of: "execute entries: ").count
        #expect((3...20).contains(readings), "\(readings)")
    }

    @Test func aKilledReplicaLeavesItsGateShutForTheOthers() async throws {
        let fleet = try await Fleet(2, storeURL: Fleet.newDatabase())
        let path = "/actions/\(DemoID.pendingVoucher)"
        try await fleet.awaitAnswers(path)
        for _ in 0..<3 {
            fleet.replicas[0].signal(SIGKILL)
            _ = try await fleet.replicas[0].exitCode()
            try expectEqual(fleet.get(1, path).status, 200)
            try await fleet.restart(0)
            let calls = try fleet.audit().vouchers.calls
            try await eventually("another call") {
                try fleet.get(0, path).status == 200 && fleet.audit().vouchers.calls > calls
            }
        }
        #expect(try #require(try fleet.audit().vouchers.smallestGap) >= Self.interval)
    }
}
