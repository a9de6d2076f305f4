// Notifications that libpq holds back, and how lost ones are made up for.

import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A change whose notification was lost is found", .blocking)
struct PostgresLostNotificationTests {
    let database: TestDatabase
    let a = EntryKey.orders("a")
    let b = EntryKey.orders("b")
    let c = EntryKey.vouchers("c")

    init() throws {
        database = try TestDatabase()
        try database.makeSchema()
    }

    /// libpq finds a notification that arrived in one piece with a reply only when it is asked again.
    @Test func aNotificationTogetherWithAReplyIsReceivedAtOnce() async throws {
        let relay = try Relay(to: database.server.port)
        let url = try PostgresURL(
            "postgresql://postgres@127.0.0.1:\(relay.port)/\(database.name)?sslmode=disable")
        let inbox = NotificationInbox(sender: "itself", limits: .quiet)
        let events = Recorder()
        let opened = Guarded<PostgresLink?>(nil)
        PostgresLink.open(
            url, limits: .quiet, inbox: inbox, clock: StoreClock.system.sinceBoot
        ) { event in
            if case .opened(let link) = event { opened.withLock { $0 = link } }
            if case .replied(let number, .success, _) = event { events.add("reply \(number)") }
            if case .notified = event { events.add("notified") }
        }
        try await eventually("a connection") { opened.withLock { $0 != nil } }
        let link = try #require(opened.withLock { $0 })
        link.send([.listen], 1)
        try await eventually("listening") { events.words == ["reply 1"] }

        relay.gatherUntilNotification()
        link.send([.sources], 2)
        try await eventually("a reply to hold back") { relay.hasGathered }
        try database.admin.query("SELECT pg_notify('status_proxy', 'another a')")
        try await eventually("three events; got \(events.words)") { events.words.count == 3 }
        expectEqual(Set(events.words), ["reply 1", "reply 2", "notified"])
        expectEqual(inbox.empty().ids, [a.id])
        link.end()
    }

    /// Of a call that ends before a process has looked for changes for the first time, but after it has
    /// read the action, it must learn, too.
    @Test func changeBetweenTheFirstReadingAndTheFirstSearchIsFound() async throws {
        try database.admin.loseNotifications()
        var limits = PostgresLimits.quiet
        limits.changesInterval = .seconds(2)
        let received = ReceivedChanges()
        let listener = try database.open(limits)
        listener.listen { received.add($0) }
        #expect(try await listener.lookUp(a.id).isEmpty)
        let writer = try database.open()
        try await writer.complete(.of(a, try await writer.grant(.of(a))))
        try await received.until { $0.contains(.changed(a.id)) }
    }

    @Test func missedChangesAreFoundInTheStore() async throws {
        try database.admin.loseNotifications()
        var limits = PostgresLimits.quiet
        limits.changesInterval = .milliseconds(50)
        let (healed, cut) = (ReceivedChanges(), ReceivedChanges())
        let listeners = [try database.open(limits), try database.open(.quiet)]
        listeners[0].listen { healed.add($0) }
        listeners[1].listen { cut.add($0) }
        // Both are connected once they have answered.
        for listener in listeners { #expect(try await listener.lookUp(a.id).isEmpty) }
        try await database.untilListening(2)

        let writer = try database.open()
        let token = try await writer.grant(.of(a))
        try await writer.complete(
            .of(a, token, observation: .answer(.sample("a"), checkedAt: database.clock.wall)))
        try await healed.until { $0.contains(.changed(a.id)) }
        try await expectEqual(listeners[0].lookUp(a.id).first?.answer?.document, .sample("a"))
        // Each change is found once, and a store's own changes never.
        try await listeners[0].complete(.of(b, try await listeners[0].grant(.of(b))))
        try await writer.complete(.of(c, try await writer.grant(.of(c))))
        try await healed.until { $0.contains(.changed(c.id)) }
        expectEqual(healed.all, [.missed, .changed(a.id), .changed(c.id)])
        // Without the interval it would not have noticed.
        expectEqual(cut.all, [.missed])
    }
}
