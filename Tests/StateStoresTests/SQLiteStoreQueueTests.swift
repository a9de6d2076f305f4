// The file store's queue: operations run together, in order, within a limit.

import Dispatch
import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("Operations that wait share a commit", .blocking)
struct SQLiteStoreQueueTests {
    let folder = TemporaryFolder()

    private func open(_ limits: SQLiteLimits = SQLiteLimits()) throws -> SQLiteStore {
        let clock = ManualClock()
        return try SQLiteStore(path: folder.store, clock: clock.storeClock, limits: limits) { _ in }
    }

    /// The file's revision: one for each transaction that wrote.
    private func revision(_ store: SQLiteStore) async throws -> Int64 {
        let found = Guarded<Int64>(-1)
        try await store.onDatabase { database throws(SQLiteFailure) in
            let revision = try database.number("SELECT revision FROM meta")
            found.withLock { $0 = revision ?? -1 }
        }
        return found.withLock { $0 }
    }

    @Test func twoHundredReservationsTakeFourCommits() async throws {
        let store = try open()
        let before = try await revision(store)
        let replies = Recorder()
        store.queue.suspend()
        for number in 0..<200 {
            store.reserve(.of(.orders("a\(number)"))) { _ in replies.add("\(number)") }
        }
        store.queue.resume()
        _ = try await store.lookUp(.sample("a0"))
        expectEqual(replies.words, (0..<200).map { "\($0)" })
        try await expectEqual(revision(store) - before, 4)
    }

    @Test func denialsAndLookUpsWriteNothing() async throws {
        let store = try open()
        _ = try await store.grant(.of(.orders("a")))
        let before = try await revision(store)
        for _ in 0..<5 {
            #expect(try await store.verdict(.of(.orders("a"))).isGateShut)
            _ = try await store.lookUp(.sample("a"))
        }
        try await expectEqual(revision(store), before)
    }

    @Test func operationsBeyondTheBoundAreRefused() async throws {
        var limits = SQLiteLimits()
        limits.waitingMax = 3
        let store = try open(limits)
        let replies = Recorder()
        store.queue.suspend()
        for number in 0..<5 {
            store.reserve(.of(.orders("a\(number)"))) { result in
                replies.add((try? result.get()) == nil ? "refused" : "done")
            }
        }
        store.queue.resume()
        await store.close()
        expectEqual(replies.words.sorted(), ["done", "done", "done", "refused", "refused"])
    }

    @Test func systemClockRunsTheStore() async throws {
        let store = try SQLiteStore(path: folder.store)
        let token = try await store.grant(.of(.orders("a")))
        let reply = try await store.complete(.of(.orders("a"), token, .opens(in: .seconds(3600))))
        expectEqual(reply.record.opensIn, .seconds(3600))
        let record = try #require(try await store.lookUp(.sample("a")).first)
        #expect(record.opensIn <= .seconds(3600) && record.opensIn > .zero)
        expectEqual(StoreClock.system.bootID()?.count, 36)
    }
}
