// Each way in which a real database can be unusable, under running replicas, with the same
// expectations.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .serialized, .timeLimit(.minutes(10)))
struct DatabaseOrdealTests {
    private static let interval = 2.0
    private static let path = "/actions/\(DemoID.pendingVoucher)"

    @Test(arguments: DatabaseTrouble.hindrances)
    func failuresStopOnlyCalls(_ trouble: DatabaseTrouble) async throws {
        try await Self.outlive(trouble)
    }

    /// All at once, without haste: a quarantine lasts longer than a minute, so that no forgotten call
    /// still counts for the minute's budget.
    @Test func aLossOfHistoryStopsCallsUntilItCannotMatter() async throws {
        try await withThrowingTaskGroup { group in
            for loss in DatabaseTrouble.losses {
                group.addTask { try await Self.outlive(loss) }
            }
            try await group.waitForAll()
        }
    }

    private static func outlive(_ trouble: DatabaseTrouble) async throws {
        let database = try await TroubledDatabase(trouble, replicas: 2)
        let fleet = database.fleet
        let bystander = try await Bystander(path)
        let survivor = fleet.replicas[1].identifier
        try await fleet.awaitAnswers(path)
        try await database.inflict()
        if let lost = trouble.callsLost {
            try expectEqual(database.callsKept(), fleet.audit().vouchers.calls - lost)
        }
        let traffic = Traffic(port: fleet.ports[1], path, callers: 2, every: .milliseconds(50))
        for index in 0..<2 {
            try await eventually(
                "a warning of replica \(index) (\(trouble)): \(fleet.replicas[index].text)"
            ) {
                try expectEqual(fleet.get(index, path).status, 200)
                return try fleet.isWarned(index)
            }
        }

        // A slot that was granted before must be used within 2 s.
        letPass(.seconds(2))
        let calls = try fleet.audit().vouchers.calls
        await bystander.expectFullSpeed(of: fleet.ports)
        for index in 0..<2 { try await expectToBeTold(trouble, fleet, index) }
        try expectEqual(fleet.audit().vouchers.calls, calls, "\(trouble)")

        try database.end()
        try await expectWellAgain(trouble, fleet, 1)
        let crowd = await traffic.stop()
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [200], "\(trouble): \(crowd)")
        try await expectWellAgain(trouble, fleet, 0)
        #expect(fleet.replicas[1].identifier == survivor && fleet.replicas[1].isRunning)
        #expect(try #require(try fleet.audit().vouchers.smallestGap) >= interval, "\(trouble)")
        let audit = try await fleet.audited()
        expectEqual(audit.code, 0, "\(trouble): \(audit.text)")
    }

    /// Health, metrics and log of one replica.
    private static func expectToBeTold(
        _ trouble: DatabaseTrouble, _ fleet: Fleet, _ index: Int
    ) async throws {
        #expect(try fleet.isWarned(index))
        try expectEqual(fleet.get(index, "/livez").status, 200)
        // And for how long: a loss stops calls for a minute and more.
        try await eventually("Retry-After of replica \(index) (\(trouble))") {
            let unknown = try fleet.get(index, "/actions/aa_00000000000000beef")
            let wait = unknown["retry-after"].flatMap { Int($0) } ?? 0
            return unknown.status == 503 && wait >= (trouble.isLossOfThePast ? 30 : 1)
        }
        try expectEqual(fleet.metric(index, "store_up"), 0)
        if !trouble.isLossOfThePast {
            #expect(try #require(try fleet.metric(index, "store_losses_total")) >= 1)
        }
        let lines = fleet.replicas[index].text.split(separator: "\n")
            .filter { $0.contains("\"message\":\"store") }
        #expect(lines.contains { $0.contains(trouble.words) }, "\(lines)")
        // Once for each change and each failed attempt, not for each of hundreds of requests.
        #expect(lines.count < 30, "\(lines)")
    }

    /// The replica itself calls again, serves the new state and is healthy: without help, in real time.
    private static func expectWellAgain(
        _ trouble: DatabaseTrouble, _ fleet: Fleet, _ index: Int
    ) async throws {
        let calls = try fleet.calls(by: index)
        try await eventually(
            "\(trouble): no call by \(index)", within: .seconds(150)
        ) {
            try expectEqual(fleet.get(index, path).status, 200)
            return try fleet.calls(by: index) > calls
        }
        try await eventually("health of replica \(index) (\(trouble))") {
            try fleet.get(index, path).text.contains("\"stale\":false")
                && fleet.isWell(index)
        }
        try expectEqual(fleet.metric(index, "store_up"), 1)
    }
}
