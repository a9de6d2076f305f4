// Roles that may only connect to the database: what they can notify, and what they can lock.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A role that may only connect stops nothing", .blocking, .serialized)
struct PostgresFloodTests {
    let database: TestDatabase
    let stranger: String
    let a = EntryKey.orders("a")

    /// On its own server, since a flood wakes the backends of every database.
    init() throws {
        database = try TestDatabase(on: PostgresCluster())
        try database.makeSchema()
        stranger = "s_\(database.name)"
        try database.admin.query("CREATE ROLE \(stranger) LOGIN")
    }

    private func flood(_ payload: String) throws -> NotificationFlood {
        try NotificationFlood(
            database.server.url(user: stranger, database: database.name), payload: payload)
    }

    /// Floods until the store has made as many decisions as requested. If a decision waited for the end
    /// of the flood, neither would happen.
    @Test func aFloodOfNotificationsDelaysNoDecision() async throws {
        let store = try database.open(.patient)
        try await database.untilListening(1)
        let flood = try flood("'forged f' || n")
        defer { flood.stop() }
        for number in 0..<50 {
            let key = EntryKey.orders("a\(number)")
            let before = flood.sent
            try await store.complete(.of(key, try await store.grant(.of(key))))
            try await eventually("more notifications of the flood") { flood.sent > before }
        }
    }

    @Test func noMoreNotificationsAreReadThanTheirBound() async throws {
        var limits = PostgresLimits.quiet
        limits.notificationsMax = 1000
        limits.notificationsWindow = .seconds(3600)
        limits.floodRest = .seconds(3600)
        let (received, events, reports) = (ReceivedChanges(), Recorder(), Recorder())
        let store = try database.open(
            limits, report: { reports.add($0) }, watchNotifications: { events.add("\($0)") })
        store.listen { received.add($0) }
        try await database.untilListening(1)
        let flood = try flood("'forged f' || (random() * 1e9)::int")
        defer { flood.stop() }
        try await eventually("the flood to be noticed") { !events.words.isEmpty }
        try await database.untilListening(0)
        let sent = flood.sent
        try await eventually("more notifications of the flood") { flood.sent > sent + 10_000 }
        _ = try await store.lookUp(a.id)
        expectEqual(events.words, ["\(NotificationEvent.interrupted("too many notifications"))"])
        #expect(reports.words.contains { $0.contains("too many notifications") })
        #expect(received.all.first == .missed && received.all.count <= 1 + limits.notificationsMax)
    }

    @Test func afterAFloodChangesAreFoundInTheJournalAndListeningResumes() async throws {
        var limits = PostgresLimits.patient
        limits.notificationsMax = 1000
        limits.notificationsWindow = .milliseconds(200)
        limits.floodRest = .milliseconds(100)
        let (received, events) = (ReceivedChanges(), Recorder())
        let store = try database.open(limits, watchNotifications: { events.add("\($0)") })
        store.listen { received.add($0) }
        try await database.untilListening(1)
        let flood = try flood("'forged f' || n")
        defer { flood.stop() }
        try await eventually("the flood to be noticed") { !events.words.isEmpty }

        let other = try database.open()
        try await other.complete(.of(a, try await other.grant(.of(a))))
        try await received.until { $0.contains(.changed(a.id)) }
        flood.stop()
        try await eventually("notifications again; got \(events.words)") {
            events.words.last == "\(NotificationEvent.resumed)"
        }
    }

    @Test func unreadableNotificationsAreCountedAndNotLookedUp() async throws {
        let (received, events) = (ReceivedChanges(), Recorder())
        let store = try database.open(watchNotifications: { events.add("\($0)") })
        store.listen { received.add($0) }
        try await database.untilListening(1)
        let session = try SQLSession(
            database.server.url(user: stranger, database: database.name))
        let payloads = [
            "", "one", "two words/", " a", "forged \(String(repeating: "a", count: 129))",
        ]
        for (number, payload) in payloads.enumerated() {
            try session.query("SELECT pg_notify('status_proxy', '\(payload)')")
            try await eventually("\(payload) to be counted") { events.words.count == number + 1 }
            expectEqual(events.words.last, "\(NotificationEvent.unreadable(1))")
        }
        expectEqual(received.all, [.missed])
    }

    /// A lock that a replica could take for the creation of the schema, and any other.
    @Test func anAdvisoryLockThatIsHeldBlocksNoStart() async throws {
        try database.admin.query("DROP SCHEMA status_proxy CASCADE")
        let session = try SQLSession(
            database.server.url(user: stranger, database: database.name))
        try session.query("SELECT pg_advisory_lock(x'73707278'::int)")
        _ = try await database.open().grant(.of(a))
    }
}
