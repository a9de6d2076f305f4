// Faults of the store's file under the real program: callers keep their answers, no call is made on an
// uncertain gate, and the service recovers without a restart.

import Foundation
import Glibc
import StatusCore
import TestSupport
import Testing

/// A way to lose a store in use.
enum StoreLoss: String, CaseIterable, Sendable {
    case deleted
    case deletedWithItsLog
    case overwrittenWithGarbage
    case replacedByAnEmptyFile

    /// Applies it to the file at `path`.
    func inflict(on path: String) throws {
        switch self {
        case .deleted: unlink(path)
        case .deletedWithItsLog: for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) }
        case .overwrittenWithGarbage:
            for suffix in ["", "-wal", "-shm"] { try overwrite(path + suffix) }
        case .replacedByAnEmptyFile:
            try Data().write(to: URL(fileURLWithPath: path + "-new"))
            rename(path + "-new", path)
        }
    }

    /// In place: the same file, other bytes.
    private func overwrite(_ path: String) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let count = try Int(handle.seekToEnd())
        try handle.seek(toOffset: 0)
        try handle.write(contentsOf: Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }))
        try handle.close()
    }
}

@Suite(.blocking, .timeLimit(.minutes(10)))
struct StoreOrdealTests {
    private static let path = "/actions/\(DemoID.pendingOrder)?source=orders"
    private static let newcomer = "/actions/00000000-0000-4000-9000-00000000c001?source=orders"

    /// All at once, since a quarantine lasts longer than a minute, so that no forgotten call still
    /// counts for the minute's budget.
    @Test func aLostStoreStopsCallsAndKeepsAnswersUntilItIsSafeAgain() async throws {
        try await withThrowingTaskGroup { group in
            for loss in StoreLoss.allCases {
                group.addTask { try await Self.lose(loss) }
            }
            try await group.waitForAll()
        }
    }

    private static func lose(_ loss: StoreLoss) async throws {
        let world = try await World(["ORDERS_TIMEOUT": "1s"])
        try expectEqual(world.get(Self.path).status, 200)
        let traffic = Traffic(port: world.port, Self.path, callers: 5, every: .milliseconds(50))
        try loss.inflict(on: world.storePath)
        try await eventually("a denied call") {
            try world.get("/metrics").text.contains(/reason="store-quarantined"} [1-9]/)
        }
        let calls = try world.audit().orders.calls
        let ready = try world.get("/readyz")
        #expect(ready.status == 200 && ready.json["status"]?.string == "warn")
        let refused = try world.get(Self.newcomer)
        expectEqual(refused.status, 503)
        expectEqual(refused.json["code"]?.string, "store-unavailable")
        #expect(refused["retry-after"].flatMap { Int($0) } ?? 0 >= 1)
        try expectEqual(world.audit().orders.calls, calls)
        try await Self.expectWellAgain(world, traffic)
    }

    /// A successor must learn from the file what the process that noticed the loss knew. All at once,
    /// as above.
    @Test func aRestartAfterADetectedLossMakesNoEarlyCall() async throws {
        try await withThrowingTaskGroup { group in
            for loss in StoreLoss.allCases {
                group.addTask { try await Self.loseAndRestart(loss) }
            }
            try await group.waitForAll()
        }
    }

    private static func loseAndRestart(_ loss: StoreLoss) async throws {
        let world = try await World([
            "ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s", "ORDERS_TIMEOUT": "1s",
        ])
        try expectEqual(world.get(Self.path).status, 200)
        try loss.inflict(on: world.storePath)
        try await eventually("a denied call") {
            try world.get(Self.newcomer).status == 503
                && world.get("/metrics").text.contains(/reason="store-quarantined"} [1-9]/)
        }
        try await world.killProxy()
        try await world.restartProxy()
        let crowd = await Pollers.poll(
            port: world.port, Self.path, callers: 20, every: .milliseconds(100), for: .seconds(2))
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [503], "\(loss): \(crowd)")
        try expectEqual(world.audit().orders.calls, 1, "\(loss)")
        try await eventually("another call", within: .seconds(150)) {
            try world.get(Self.path).status == 200
        }
        #expect(try #require(try world.audit().orders.smallestGap) >= 60, "\(loss)")
        try await expectEqual(world.audited().code, 0)
    }

    @Test func aFullDiskStopsCallsAndKeepsAnswersUntilThereIsRoom() async throws {
        let disk = try SmallDisk(kibibytes: 1024)
        let world = try await World(["STORE_URL": "sqlite:\(disk.path)/store.sqlite"])
        try expectEqual(world.get(Self.path).status, 200)
        let traffic = Traffic(port: world.port, Self.path, callers: 5, every: .milliseconds(50))
        try disk.fill()
        try await eventually("a warning") {
            try world.get("/readyz").json["status"]?.string == "warn"
        }
        try expectEqual(world.get("/readyz").status, 200)
        let refused = try world.get(Self.newcomer)
        expectEqual(refused.status, 503)
        expectEqual(refused.json["code"]?.string, "store-unavailable")
        #expect(try world.get("/metrics").text.contains(/reason="store-unavailable"} [1-9]/))
        let calls = try world.audit().orders.calls
        let crowd = await Pollers.poll(
            port: world.port, Self.path, callers: 2, every: .milliseconds(100), for: .seconds(3))
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [200])
        try expectEqual(world.audit().orders.calls, calls, "no gate, no call")
        try disk.makeRoom()
        try await Self.expectWellAgain(world, traffic)
        // Ends before its disk is unmounted.
        try await world.killProxy()
    }

    @Test func aDamagedFileAtTheStartIsRefusedByName() async throws {
        let world = try await World()
        try expectEqual(world.get(Self.path).status, 200)
        try await world.killProxy()
        try StoreLoss.overwrittenWithGarbage.inflict(on: world.storePath)
        let program = try Program(
            "status-proxy", environment: world.settings, directory: world.folder)
        try await expectEqual(program.exitCode(), 78)
        #expect(program.text.contains("status-proxy.sqlite"))
        expectEqual(program.text.split(separator: "\n").count, 1, "\(program.text)")
        try await expectEqual(world.audited().code, 66)
    }

    @Test func aReadOnlyFileAtTheStartIsRefusedByName() async throws {
        let disk = try SmallDisk(kibibytes: 1024)
        let world = try await World([
            "STORE_URL": "sqlite:\(disk.path)/store.sqlite", "ORDERS_MIN_INTERVAL": "1h",
            "ORDERS_MAX_INTERVAL": "1h",
        ])
        try expectEqual(world.get(Self.path).status, 200)
        try await world.killProxy()
        try disk.remount("ro")
        let program = try Program(
            "status-proxy", environment: world.settings, directory: world.folder)
        try await expectEqual(program.exitCode(), 78)
        #expect(program.text.contains("\(disk.path)/store.sqlite"))
        try disk.remount("rw")
        try await world.restartProxy()
        try expectEqual(world.get(Self.path).status, 200)
        try expectEqual(world.audit().orders.calls, 1)
        try await world.killProxy()
    }

    private static func expectWellAgain(_ world: World, _ traffic: Traffic) async throws {
        let calls = try world.audit().orders.calls
        try await eventually("another call", within: .seconds(150)) {
            try world.audit().orders.calls > calls
        }
        try await eventually("a fresh answer and health") {
            try world.get(Self.path).text.contains("\"stale\":false")
                && world.get("/readyz").json["status"]?.string == "pass"
        }
        try expectEqual(world.get(Self.newcomer).status, 200)
        let crowd = await traffic.stop()
        #expect(crowd.failures == 0 && Set(crowd.statuses.keys) == [200], "\(crowd)")
        #expect(try #require(try world.audit().orders.smallestGap) >= CallRow.interval)
        try await expectEqual(world.audited().code, 0)
    }
}
