// The stores that must keep the contract, each with its clock.

import StateStores
import StatusCore
import Testing

/// A kind of store. To test another one, add it to `all`.
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

/// One empty store, and a way to let its time pass.
struct OpenStore: Sendable {
    var store: any StateStore
    /// Opens the store's journal for reading, as another process would where possible.
    var journal: @Sendable () throws -> any CallJournal
    /// Lets time pass for the store, by moving its clock or else by waiting.
    var pass: @Sendable (Duration) async throws -> Void
    var wall: @Sendable () -> WallTime
    /// The tolerance for spans in replies, where the store's clock runs on its own.
    var tolerance: Duration
    /// Objects that must live as long as the store.
    var keeps: (any Sendable)?

    func isOlder(_ age: Duration?, _ least: Duration) -> Bool { age ?? .zero >= least }

    func isAbout(_ found: Duration?, _ expected: Duration) -> Bool {
        guard let found else { return false }
        return found <= expected && expected - found <= tolerance
    }
}
