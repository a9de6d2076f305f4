// Roles that may connect to the database and nothing else: what they can notify, and what they can lock.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A role that may only connect stops nothing", .blocking)
struct PostgresFloodTests {
    let database: TestDatabase
    let stranger: String
    let a = LookKey.orders("a")

    init() throws {
        database = try TestDatabase()
        try database.makeSchema()
        stranger = "s_\(database.name)"
        try database.admin.query("CREATE ROLE \(stranger) LOGIN")
    }

    /// The same lock that programs of version 1 take, and any other.
    @Test func anAdvisoryLockThatIsHeldBlocksNoStart() async throws {
        try database.admin.query("DROP SCHEMA status_proxy CASCADE")
        let session = try SQLSession(
            database.server.url(user: stranger, database: database.name))
        try session.query("SELECT pg_advisory_lock(x'73707278'::int)")
        _ = try await database.open().grant(.of(a))
    }
}
