// The counts that a database's budgets go by, against the calls themselves.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A database counts its calls by periods", .blocking)
struct PostgresCountTests {
    let database: TestDatabase

    init() throws { database = try TestDatabase() }

    /// Random calls of thirty hours, some of them moved and dropped; every window asked for at many
    /// instants and limits.
    @Test(arguments: [0.1, 0.2, 0.3, 0.4])
    func countedWindowsSayWhatAWalkOverTheCallsSays(_ seed: Double) async throws {
        try database.makeSchema()
        try database.admin.query(
            """
            SELECT setseed(\(seed));
            INSERT INTO status_proxy.calls (token, source, id, reserved, ended, state, unknown)
            SELECT n, (ARRAY['orders', 'vouchers'])[1 + (random() < 0.5)::int], 'a' || n, 0,
                (random() * random() * 108e12)::bigint, 0, random() < 0.3
            FROM generate_series(1, 3000) n;
            UPDATE status_proxy.calls SET ended = ended + (random() * 300e9)::bigint
            WHERE random() < 0.3;
            DELETE FROM status_proxy.calls WHERE random() < 0.1
            """)
        try expectTrueCounts()
        let differing = try database.admin.value(
            """
            WITH questions AS MATERIALIZED (
                SELECT (ARRAY['orders', 'vouchers', 'neither'])[1 + (random() * 2.2)::int] AS source,
                    (ARRAY[60100000000, 86486400000000])[1 + (random() < 0.5)::int] AS span,
                    (random() * random() * random() * 1500)::bigint AS most,
                    random() < 0.5 AS only_unknown, (random() * 110e12)::bigint AS t
                FROM generate_series(1, 400)
            ), replies AS MATERIALIZED (
                SELECT q.*,
                    greatest(0, status_proxy.window_opens_in(source, span, most, only_unknown, t))
                        AS opens_in,
                    CASE WHEN most <= 0 THEN span ELSE greatest(0, (
                        SELECT c.ended + q.span - q.t FROM status_proxy.calls c
                        WHERE c.source = q.source AND (c.unknown OR NOT q.only_unknown)
                        ORDER BY c.ended DESC OFFSET greatest(0, q.most - 1) LIMIT 1)) END AS walked,
                    status_proxy.calls_left(source, span, most, t) AS calls_left,
                    greatest(0, most - (
                        SELECT count(*) FROM status_proxy.calls c
                        WHERE c.source = q.source AND c.ended > q.t - q.span)) AS walked_left
                FROM questions q
            )
            SELECT count(*) FILTER (WHERE opens_in <> walked OR calls_left <> walked_left)
                || ' of ' || (count(*) FILTER (WHERE walked > 0) BETWEEN 50 AND 350)::text
            FROM replies
            """)
        // Many of the windows are spent, and many are not.
        #expect(differing == "0 of true")
    }

    @Test func countsFollowCallsThroughEverythingThatHappensToThem() async throws {
        try database.takeOverTheClock()
        let store = try database.open()
        let retention = Retention(
            terminalTTL: .seconds(90_000), staleMax: .seconds(90_000), missMax: .seconds(90_000))
        for number in 0..<40 {
            let key = number % 3 == 0 ? LookKey.vouchers("v\(number)") : .orders("o\(number)")
            let token = try await store.grant(.of(key))
            try database.pass(.seconds(number % 7 * 100))
            if number % 4 != 0 { try await store.settle(.of(key, token)) }
            if number == 20 { try database.pass(.seconds(80_000)) }
            _ = try await store.purge(retention)
            try expectTrueCounts()
        }
        // Lost, and entered again by the process that knows of them.
        try database.admin.query("TRUNCATE status_proxy.calls, status_proxy.meta")
        try expectTrueCounts()
        _ = try await store.verdict(.of(.orders("a")))
        _ = try await store.lookUp(.sample("a"))
        try expectTrueCounts()
        #expect(try database.admin.value("SELECT count(*) > 10 FROM status_proxy.calls") == "t")
    }

    @Test func callsOfVersionOneAreCountedAtTheUpgrade() async throws {
        try database.admin.query(OldSchema.text("postgresql-1"))
        try database.admin.query(
            """
            INSERT INTO status_proxy.calls (token, source, id, reserved, ended, state, unknown)
            SELECT n, 'orders', 'a' || n, 0, n * 30000000000::bigint, 0, n % 2 = 0
            FROM generate_series(1, 100) n
            """)
        try database.makeSchema()
        #expect(
            try database.admin.value("SELECT sum(calls) FROM status_proxy.call_counts") == "100")
        try expectTrueCounts()
    }

    private func expectTrueCounts() throws {
        let counted = """
            SELECT source, status_proxy.period(ended), unknown, count(*) FROM status_proxy.calls
            GROUP BY 1, 2, 3
            """
        let kept = "SELECT source, period, unknown, calls FROM status_proxy.call_counts"
        for (one, other) in [(counted, kept), (kept, counted)] {
            let differing = try database.admin.value(
                "SELECT count(*) FROM (\(one) EXCEPT \(other)) AS d")
            #expect(differing == "0")
        }
    }
}
