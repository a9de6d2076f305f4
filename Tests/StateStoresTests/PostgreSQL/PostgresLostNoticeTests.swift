// Notices that libpq holds back, and what makes up for those that nobody got.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A lost notice is made up for", .blocking)
struct PostgresLostNoticeTests {
    let database: TestDatabase
    let a = LookKey.orders("a")
    let b = LookKey.orders("b")
    let c = LookKey.vouchers("c")

    init() throws {
        database = try TestDatabase()
        try database.makeSchema()
    }

    /// libpq finds a notice that came in one piece with a reply only when it is asked once more.
    @Test func aNoticeInOnePieceWithAReplyIsHeardOfAtOnce() async throws {
        let relay = try Relay(to: database.server.port)
        let others = Notices()
        let listener = PostgresStore(
            url: try PostgresURL(
                "postgresql://postgres@127.0.0.1:\(relay.port)/\(database.name)?sslmode=disable"),
            clock: .system, limits: .quiet)
        listener.listen { others.add($0) }
        _ = try await listener.lookUp(a.id)
        let teller = try database.open()
        let token = try await teller.grant(.of(a))

        relay.gatherUntilNotice()
        async let reply = listener.lookUp(a.id)
        try await eventually("no reply to hold back") { relay.hasGathered }
        try await teller.settle(.of(a, token))
        _ = try await reply
        try await others.until { $0.contains(.changed(a.id)) }
        await listener.close()
    }

    @Test func whoDidNotHearOfNewsFindsItInTheStore() async throws {
        try database.admin.loseNotices()
        var limits = PostgresLimits.quiet
        limits.changesInterval = .milliseconds(50)
        let (healed, deaf) = (Notices(), Notices())
        let listeners = [try database.open(limits), try database.open()]
        listeners[0].listen { healed.add($0) }
        listeners[1].listen { deaf.add($0) }
        // Both are connected once they have answered.
        for listener in listeners { #expect(try await listener.lookUp(a.id).isEmpty) }

        let teller = try database.open()
        let token = try await teller.grant(.of(a))
        try await teller.settle(
            .of(a, token, news: .answer(.sample("a"), checkedAt: database.clock.wall)))
        try await healed.until { $0.contains(.changed(a.id)) }
        #expect(try await listeners[0].lookUp(a.id).first?.answer?.document == .sample("a"))
        // Each change is found once, and its own never.
        try await listeners[0].settle(.of(b, try await listeners[0].grant(.of(b))))
        try await teller.settle(.of(c, try await teller.grant(.of(c))))
        try await healed.until { $0.contains(.changed(c.id)) }
        #expect(healed.all == [.missed, .changed(a.id), .changed(c.id)])
        // Without the interval it would not have heard: notices come before the replies behind them.
        _ = try await listeners[1].lookUp(a.id)
        #expect(deaf.all == [.missed])
    }
}
