// A database of version 1 under programs of this version, and this version's under programs of that one.

import Dispatch
import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("Replicas of two versions work on one schema", .blocking)
struct PostgresVersionTests {
    let database: TestDatabase
    let a = LookKey.orders("a")

    init() throws { database = try TestDatabase() }

    @Test func aDatabaseOfVersionOneIsUpgradedWithAllThatItKeeps() async throws {
        try database.admin.query(OldSchema.text("postgresql-1"))
        #expect(try Old.reserve("a", on: database.admin).verdict == "granted")
        let paused = try Old.reserve("b", on: database.admin)
        try Old.settle("b", try #require(paused.slot), pause: .seconds(3600), on: database.admin)

        let store = try database.open()
        guard case .paused = try await store.verdict(.of(a)) else {
            Issue.record("the pause was lost")
            return
        }
        #expect(try version() == "2 1")
        try database.admin.query("UPDATE status_proxy.sources SET paused_until = NULL")
        #expect(try await store.verdict(.of(a)).isGateShut)
        #expect(try await store.reserve(.of(.orders("c"), perDay: 9)).budgetLeft.day == 6)
        // What version 1 knew nothing of.
        let other = LookKey.orders("other")
        var settlement = Settlement.of(other, try await store.grant(.of(other)))
        settlement.breaker = .opened(for: .seconds(3600))
        try await store.settle(settlement)
        #expect(try await store.verdict(.of(a, heedsBreaker: true)).restsFor != nil)
    }

    /// Whether the schema was upgraded under it or is new, and whatever else it finds in there.
    @Test(arguments: [true, false])
    func aProgramOfVersionOneWorksOnTheSchemaOfThisOne(_ isUpgraded: Bool) async throws {
        if isUpgraded { try database.admin.query(OldSchema.text("postgresql-1")) }
        let store = try database.open()
        let other = LookKey.orders("other")
        var settlement = Settlement.of(other, try await store.grant(.of(other)))
        settlement.breaker = .opened(for: .seconds(3600))
        try await store.settle(settlement)

        let granted = try Old.reserve("a", on: database.admin)
        #expect(granted.verdict == "granted")
        #expect(try await store.verdict(.of(a)).isGateShut)
        try Old.settle("a", try #require(granted.slot), pause: nil, on: database.admin)
        _ = try await store.grant(.of(a))
        #expect(try Old.reserve("a", on: database.admin).verdict == "gate-shut")
        #expect(try await store.verdict(.of(.orders("b"), heedsBreaker: true)).restsFor != nil)
    }

    @Test func theUpgradeWaitsForDecisionsAndTheyForIt() async throws {
        try database.admin.query(OldSchema.text("postgresql-1"))
        let isOver = Guarded(false)
        let url = database.server.url(database: database.name)
        async let decided = withThrowingTaskGroup(of: Int.self) { group in
            for writer in 0..<3 {
                group.addTask {
                    try await Old.decide(writer, on: SQLSession(url)) { isOver.withLock { $0 } }
                }
            }
            return try await group.reduce(0, +)
        }
        let reports = Recorder()
        for _ in 0..<5 {
            let store = try database.open(report: { reports.add($0) })
            _ = try await store.lookUp(a.id)
            await store.close()
            // The mark is set back: each comes to an old schema.
            try database.admin.query("UPDATE status_proxy.layout SET version = 1")
        }
        isOver.withLock { $0 = true }
        #expect(try await decided > 0)
        #expect(reports.words.allSatisfy { $0.hasSuffix("connected") }, "\(reports.words)")
    }

    @Test func aRoleWithoutRightsToUpgradeIsToldWhoHasThem() async throws {
        try database.admin.query(OldSchema.text("postgresql-1"))
        let role = "r_\(database.name)"
        try database.admin.query(
            """
            CREATE ROLE \(role) LOGIN;
            GRANT USAGE ON SCHEMA status_proxy TO \(role);
            GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA status_proxy TO \(role)
            """)
        let early = try database.open(user: role)
        let failure = await #expect(throws: StoreFailure.self) { try await early.verdict(.of(a)) }
        #expect(failure?.text.contains("schema folder") == true)
        await early.close()
        #expect(try version() == "1 1")
        // The owner runs the files; nothing has to be granted again.
        try database.makeSchema()
        let store = try database.open(user: role)
        try await store.settle(.of(a, try await store.grant(.of(a, perDay: 9))))
    }

    private func version() throws -> String? {
        try database.admin.value(
            "SELECT version || ' ' || usable_from FROM status_proxy.layout")
    }
}

/// What programs of version 1 say.
private enum Old {
    /// The limits are large: only gates and pauses stand in the way.
    static func reserve(
        _ id: String, hold: Duration = .seconds(41), on session: SQLSession
    ) throws -> (verdict: String?, slot: String?) {
        let reply = try session.value(
            """
            SELECT verdict || ' ' || coalesce(slot::text, '') FROM status_proxy.reserve(
                NULL, NULL, NULL, NULL, 'orders', '\(id)', \(hold.nanoseconds), 13000000000,
                73100000000, 60100000000, 100000, 100000, 86486400000000, NULL, NULL) AS r
            """)
        let words = reply?.split(separator: " ").map(String.init) ?? []
        return (words.first, words.dropFirst().first)
    }

    static func settle(
        _ id: String, _ slot: String, pause: Duration?, on session: SQLSession
    ) throws {
        try session.query(
            """
            SELECT gap FROM status_proxy.settle(
                NULL, NULL, NULL, NULL, 'orders', '\(id)', \(slot), NULL, 0,
                \(pause.map { "\($0.nanoseconds)" } ?? "NULL"), 0, 0, 'answered', NULL,
                NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'old') AS r
            """)
    }

    /// Reserves and settles until told that it is over; how often that was.
    static func decide(
        _ writer: Int, on session: SQLSession, until isOver: @escaping @Sendable () -> Bool
    ) async throws -> Int {
        try await withCheckedThrowingContinuation { next in
            DispatchQueue.global().async {
                next.resume(
                    with: Result {
                        var count = 0
                        while !isOver(), count < 100_000 {
                            let id = "w\(writer)-\(count)"
                            if let slot = try reserve(id, on: session).slot {
                                try settle(id, slot, pause: .zero, on: session)
                            }
                            count += 1
                        }
                        return count
                    })
            }
        }
    }
}
