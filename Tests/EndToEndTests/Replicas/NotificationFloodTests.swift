// A role that may only connect to the replicas' database floods them with notifications.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct NotificationFloodTests {
    /// By how much a replica may grow: if it kept all that it received, it would by some 80 MB a
    /// second.
    private static let growthMax = 32 << 20
    /// Far more than a replica reads.
    private static let notifications = 500_000

    @Test func aFloodOfNotificationsHarmsNoReplica() async throws {
        // A flood wakes the backends of every database, so it has its own server.
        let server = try PostgresCluster()
        let url = try Fleet.newDatabase(on: server)
        let name = try #require(url.split(separator: "/").last).description
        try SQLSession(url).query("CREATE ROLE s_\(name) LOGIN")
        let fleet = try await Fleet(2, storeURL: url, sandbox: ["--pending", "3s"])
        for index in 0..<2 { try await eventually("readiness") { try fleet.isWell(index) } }
        try await fleet.awaitAnswers("/actions/\(DemoID.voucher)")
        let before = try fleet.replicas.map(ProcessFigures.residentBytes)

        let flood = try NotificationFlood(
            server.url(user: "s_\(name)", database: name),
            sessions: 1,
            // Equal ones in a transaction would be sent once.
            payload: "'forged' || n || CASE WHEN n % 10 = 0 THEN '' ELSE ' \(DemoID.voucher)' END")
        defer { flood.stop() }
        for index in 0..<2 { try await eventually("a warning") { try fleet.isWarned(index) } }
        // Meanwhile cold requests get their answers, and what one replica learns the other serves.
        for number in 0..<10 {
            for index in [number % 2, (number + 1) % 2] {
                try expectEqual(fleet.get(index, "/actions/aa_flood\(number)").status, 404)
            }
        }
        for index in 0..<2 {
            try await eventually("the new state at replica \(index)") {
                try fleet.get(index, "/actions/\(DemoID.voucher)").json["done"] == .bool(true)
            }
        }
        try await eventually("enough notifications") { flood.sent > Self.notifications }
        for index in 0..<2 {
            try expectEqual(fleet.metric(index, "store_failures_total"), 0)
            try expectEqual(fleet.metric(index, "store_up"), 1)
            #expect(try #require(try fleet.metric(index, "store_notification_losses_total")) >= 1)
            #expect(
                try #require(try fleet.metric(index, "store_notifications_unreadable_total")) > 0)
            let grown =
                try ProcessFigures.residentBytes(of: fleet.replicas[index]) - before[index]
            #expect(grown <= ProcessFigures.growthMax(Self.growthMax), "\(grown)")
            #expect(fleet.replicas[index].text.contains("too many notifications"))
        }
        flood.stop()
        for index in 0..<2 { try await eventually("health") { try fleet.isWell(index) } }
    }
}
