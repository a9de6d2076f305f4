// The engine over a real store: what it tells of the store's health, without any request.

import Dispatch
import HTTPWire
import StatusCore
import TestSupport
import Testing

@testable import StateStores
@testable import StatusProxy

struct EngineTests {
    /// A disk that is full for a while, an administrator's lock: the purge is what meets it.
    @Test func readinessGoesBackWhenAPurgeHasWorkedAgain() async throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/store.sqlite"
        let log = LogWriter(level: .error, format: .json)
        let health = Health()
        health.hear(.well)
        let policy = TrackerPolicy(
            sources: PerSource { _ in nil }, refreshWait: .seconds(1), staleMax: .seconds(60),
            terminalTTL: .seconds(60), actionsMax: 10)
        let engine = Engine(
            policy: policy, store: try SQLiteStore(path: path),
            clients: PerSource { _ in nil }, board: AnswerBoard(),
            observer: Observer(log: log, metrics: Metrics(), health: health),
            target: DispatchQueue(label: "engine-tests"), purgeInterval: .milliseconds(50))

        let lock = try FileLock(path)
        try await eventually("not warned") { !health.isStoreWell }
        #expect(health.readiness.status == 200)
        lock.release()
        try await eventually("still warned") { health.isStoreWell }
        withExtendedLifetime(engine) {}
    }
}

/// Another process that writes to the file for as long as it likes.
private final class FileLock {
    private let database: Database

    init(_ path: String) throws {
        database = try Database(path: path, lockWaitMilliseconds: 10_000)
        try database.execute("BEGIN IMMEDIATE")
    }

    func release() { try? database.execute("ROLLBACK") }
}
