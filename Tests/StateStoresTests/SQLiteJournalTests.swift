// The journal of a file store, read from outside.

import Glibc
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("The journal of a file is read beside its writer and without one", .blocking)
struct SQLiteJournalTests {
    let folder = TemporaryFolder()
    let clock = ManualClock()
    let a = EntryKey.orders("a")

    @Test func journalIsReadWhileTheStoreWritesAndAfterItHasClosed() async throws {
        let store = try SQLiteStore(path: folder.store, clock: clock.storeClock)
        let journal = SQLiteJournal(path: folder.store)
        var tokens: [FencingToken] = []
        for _ in 0..<3 {
            tokens.append(try await store.grant(.of(a)))
            clock.advance(.seconds(41))
            try expectEqual(journal.calls().map(\.token), tokens)
        }
        await store.close()
        try expectEqual(journal.calls().map(\.token), tokens)
    }

    @Test func readingDoesNotDisturbALaterWriter() async throws {
        var store = try SQLiteStore(path: folder.store, clock: clock.storeClock)
        _ = try await store.grant(.of(a))
        await store.close()
        let bytes = TemporaryFolder.read(folder.store)
        try expectEqual(SQLiteJournal(path: folder.store).calls().count, 1)
        expectEqual(TemporaryFolder.read(folder.store), bytes)
        store = try SQLiteStore(path: folder.store, clock: clock.storeClock)
        #expect(try await store.verdict(.of(a)).isGateShut)
        await store.close()
    }

    @Test func aCallOfAKilledWriterIsReadFromItsLog() async throws {
        let store = try SQLiteStore(path: folder.store, clock: clock.storeClock)
        _ = try await store.grant(.of(a))
        // As a killed process leaves them: the files unchanged, in another place.
        let copy = TemporaryFolder()
        for suffix in ["", "-wal"] {
            TemporaryFolder.write(
                TemporaryFolder.read(folder.store + suffix), to: copy.store + suffix)
        }
        try expectEqual(SQLiteJournal(path: copy.store).calls().map(\.state), [.underWay])
        await store.close()
    }

    @Test func otherFilesAreRefusedAndNotCreated() throws {
        let missing = SQLiteJournal(path: folder.store)
        #expect(throws: StoreFailure.self) { try missing.calls() }
        #expect(folder.names.isEmpty)
        for bytes in [[UInt8](), Array("no database at all, just a text".utf8)] {
            TemporaryFolder.write(bytes, to: folder.store)
            #expect(throws: StoreFailure.self) { try missing.calls() }
            #expect(throws: StoreFailure.self) { try missing.smallestGaps() }
            expectEqual(TemporaryFolder.read(folder.store), bytes)
        }
    }
}
