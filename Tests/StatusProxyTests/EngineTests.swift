// The engine with a real store: how it reports the store's health without any request.

import Dispatch
import HTTPWire
import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores
@testable import StatusProxy

struct EngineTests {
    /// A disk that is full for a while, an administrator's lock: the purge meets it.
    @Test func readinessReturnsWhenAPurgeWorksAgain() async throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/store.sqlite"
        let log = LogWriter(level: .error, format: .json)
        let health = Health()
        health.update(.well)
        let policy = TrackerPolicy(
            sources: PerSource([]), refreshWait: .seconds(1), staleMax: .seconds(60),
            terminalTTL: .seconds(60), actionsMax: 10)
        let engine = Engine(
            policy: policy, store: try SQLiteStore(path: path),
            clients: PerSource([]), readers: PerSource([]), responses: ResponseCache(),
            observer: Observer(log: log, metrics: Metrics(), health: health),
            target: DispatchQueue(label: "engine-tests"), purgeInterval: .milliseconds(50))

        let lock = try FileLock(path)
        try await eventually("a warning") { !health.isStoreWell }
        expectEqual(health.readiness.status, 200)
        lock.release()
        try await eventually("the warning to end") { health.isStoreWell }
        withExtendedLifetime(engine) {}
    }
}

extension EngineTests {
    /// The transport's queue and the engine share a thread: however many requests callers send, the
    /// transport has its turn after one of the engine's.
    @Test func transportHasItsTurnBetweenTheTurnsOfAFlood() async throws {
        let target = DispatchQueue(label: "engine-tests")
        let log = LogWriter(level: .error, format: .json)
        // Every request is answered immediately: there is no room for a caller.
        let policy = TrackerPolicy(
            sources: PerSource([]), refreshWait: .seconds(1), staleMax: .seconds(60),
            terminalTTL: .seconds(60), actionsMax: 10, callersMax: 0)
        let engine = Engine(
            policy: policy, store: MemoryStore(clock: { SystemClock.now() }),
            clients: PerSource([]), readers: PerSource([]), responses: ResponseCache(),
            observer: Observer(log: log, metrics: Metrics(), health: Health()), target: target)
        let replies = Guarded(0)
        let repliesBefore = Guarded<[Int]>([])
        let transport = DispatchQueue(label: "engine-tests-transport", target: target)
        let id = try #require(ActionID("a"))
        target.suspend()
        for _ in 0..<50 {
            let questions = [Question](repeating: Question(id: id), count: 100)
            engine.ask(questions, trace: nil) { _, _ in replies.withLock { $0 += 1 } }
        }
        transport.async { repliesBefore.withLock { $0.append(replies.withLock { $0 }) } }
        target.resume()
        try await eventually("replies to all") { replies.withLock { $0 } == 5000 }
        let most = EngineBacklog.Share().questions
        let before = try #require(repliesBefore.withLock { $0.first })
        #expect(before <= most)
        // The last turn is shown when it has ended.
        try await eventually("all turns") { engine.figures.turns >= 5000 / most }
        withExtendedLifetime(engine) {}
    }
}

/// Another process that writes to the file for as long as the test wants.
private final class FileLock {
    private let database: Database

    init(_ path: String) throws {
        database = try Database(path: path, lockWaitMilliseconds: 10_000)
        try database.execute("BEGIN IMMEDIATE")
    }

    func release() { try? database.execute("ROLLBACK") }
}
