// The stores that have to keep the contract, each with the clock that moves it.

import StateStores
import StatusCore
import Testing

/// A kind of store. Another store joins the contract by one more element of `all`.
struct StoreUnderTest: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var open: @Sendable () async throws -> OpenStore

    static let all = [memory, sqlite, postgres]

    static let memory = StoreUnderTest(testDescription: "memory") {
        let clock = ManualClock()
        let store = MemoryStore(clock: { clock.sinceBoot })
        return OpenStore(
            store: store, journal: { store }, pass: { clock.advance($0) },
            wall: { clock.wall }, tolerance: .zero)
    }

    static let sqlite = StoreUnderTest(testDescription: "sqlite") {
        let clock = ManualClock()
        let folder = TemporaryFolder()
        return OpenStore(
            store: try SQLiteStore(path: folder.store, clock: clock.storeClock),
            journal: { SQLiteJournal(path: folder.store) },
            pass: { clock.advance($0) }, wall: { clock.wall }, tolerance: .zero, keeps: folder)
    }
}

extension StoreUnderTest {
    /// The real server, on a clock that the test moves.
    static let postgres = StoreUnderTest(testDescription: "postgresql") {
        let database = try TestDatabase()
        try database.takeOverTheClock()
        return OpenStore(
            store: try await database.openConnected(),
            journal: { PostgresJournal(url: try database.url()) },
            pass: { try database.pass($0) },
            wall: { database.clock.wall }, tolerance: .zero, keeps: database)
    }
}

/// One empty store, and how its time passes.
struct OpenStore: Sendable {
    var store: any StateStore
    /// Opens the store's journal for reading, as another process would where that can be.
    var journal: @Sendable () throws -> any CallJournal
    /// Lets time pass for the store: by moving its clock, or by waiting where that cannot be done.
    var pass: @Sendable (Duration) async throws -> Void
    var wall: @Sendable () -> WallTime
    /// How far spans in replies may be off, because the store's clock runs by itself.
    var tolerance: Duration
    /// What has to live as long as the store.
    var keeps: (any Sendable)?

    func isOlder(_ age: Duration?, _ least: Duration) -> Bool { age ?? .zero >= least }

    func isAbout(_ found: Duration?, _ expected: Duration) -> Bool {
        guard let found else { return false }
        return found <= expected && expected - found <= tolerance
    }
}
