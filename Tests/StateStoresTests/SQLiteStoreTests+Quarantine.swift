// What a store does that has lost its file, and what it leaves for later processes.

import Glibc
import StatusCore
import TestSupport
import Testing

@testable import StateStores

extension SQLiteStoreTests {
    /// Ways in which a file is lost while its store runs.
    enum Loss: CaseIterable {
        case deleted
        case deletedWithItsLog
        case logDeleted
        case replacedByAnOlderCopy
        case overwrittenByAnOlderCopy
        case emptied
    }

    @Test(arguments: Loss.allCases)
    func lostFileQuarantinesUntilEarlierGrantsCannotMatter(_ loss: Loss) async throws {
        let store = try open()
        let b = EntryKey.orders("b")
        let copy = try await makeCopy(of: store)
        let running = try await store.grant(.of(a))
        let paused = try await store.grant(.of(.vouchers("v")))
        try await store.complete(.of(.vouchers("v"), paused, pause: .seconds(500)))
        clock.advance(.seconds(1))
        try inflict(loss, copy)

        try await expectEqual(store.verdict(.of(b)).quarantine, Reservation.quarantine)
        clock.advance(.seconds(10))
        try await expectEqual(
            store.verdict(.of(a)).quarantine, Reservation.quarantine - .seconds(10))
        try await expectEqual(store.verdict(.of(a, hold: .seconds(100))).quarantine, .seconds(90))
        // Look-ups and completions still work.
        _ = try await store.lookUp(a.id)
        let completed = try await store.complete(
            .of(a, running, observation: .answer(.sample("a"), checkedAt: clock.wall)))
        expectEqual(completed.record.answer?.document, .sample("a"))

        clock.advance(Reservation.quarantine - .seconds(10))
        // The lost calls still count: before, a, b and c.
        let token = try await store.grant(.of(b, perDay: 10))
        #expect(token > running)
        try await expectEqual(store.reserve(.of(.orders("c"), perDay: 10)).budgetLeft.day, 6)
        // The pauses that this process knew of are not lost with the file.
        let resting = try await store.verdict(.of(.vouchers("w")))
        expectEqual(resting, .paused(opensIn: .seconds(499) - Reservation.quarantine))
        await store.close()
    }

    @Test func otherStoreOnTheFileDetectsWhatOneHasRepaired() async throws {
        let stores = [try open(), try open()]
        let copy = try await makeCopy(of: stores[0])
        for number in 0..<3 { _ = try await stores[1].grant(.of(.orders("x\(number)"))) }
        _ = try await stores[0].lookUp(a.id)
        try inflict(.overwrittenByAnOlderCopy, copy)
        for store in stores {
            try await expectEqual(
                store.verdict(.of(.orders("x0"))).quarantine, Reservation.quarantine)
        }
        clock.advance(Reservation.quarantine)
        let grants = [
            try await stores[0].verdict(.of(.orders("x0"))).isGranted,
            try await stores[1].verdict(.of(.orders("x0"))).isGranted,
        ]
        expectEqual(grants, [true, false])
    }

    @Test func firstStartOnAMissingFileIsNotQuarantined() async throws {
        _ = try await open().grant(.of(a))
    }

    @Test func tokensOfALostFileAreNotGrantedAgain() async throws {
        let store = try open()
        let copy = try await makeCopy(of: store)
        let lost = try await store.grant(.of(a))
        try inflict(.replacedByAnOlderCopy, copy)
        _ = try await store.verdict(.of(a))
        clock.advance(Reservation.quarantine)
        let next = try await store.grant(.of(a))
        #expect(next > lost)
        let late = try await store.complete(.of(a, lost, .opens(in: .zero)))
        expectEqual(late.record.opensIn, .seconds(41))
    }

    // MARK: later processes

    @Test(arguments: Loss.allCases)
    func aLaterProcessKeepsTheQuarantineToo(_ loss: Loss) async throws {
        let store = try open()
        let copy = try await makeCopy(of: store)
        let token = try await store.grant(.of(a))
        try await store.complete(.of(a, token))
        clock.advance(.seconds(5))
        try inflict(loss, copy)
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)

        clock.advance(.seconds(2))
        let left = Reservation.quarantine - .seconds(2)
        let beside = try open()
        try await expectEqual(beside.verdict(.of(a)).quarantine, left)
        try await expectEqual(store.verdict(.of(a)).quarantine, left, "it was not noticed anew")
        await store.close()
        await beside.close()
        let after = try open()
        try await expectEqual(after.verdict(.of(a)).quarantine, left)
        clock.advance(left)
        _ = try await after.grant(.of(a))
    }

    @Test(arguments: Loss.allCases)
    func aFaultFoundByReadingIsRecordedForLaterProcesses(_ loss: Loss) async throws {
        let store = try open()
        let copy = try await makeCopy(of: store)
        _ = try await store.grant(.of(a))
        try inflict(loss, copy)
        _ = try await store.lookUp(a.id)
        try await expectEqual(newcomersVerdict(.of(a)).quarantine, Reservation.quarantine)
    }

    /// 1. The store creates a new file. 2. Another process opens it. 3. The store enters its
    /// quarantine.
    @Test func aNewFileAlwaysHasTheFaultInWhichItWasCreated() async throws {
        let seen = Recorder()
        let (path, base) = (folder.store, clock.storeClock)
        // The clock is read at every step, where the test inspects the file on the disk.
        let watched = StoreClock(
            sinceBoot: {
                let isInTrouble = try? Database(path: path, for: .reading, lockWaitMilliseconds: 0)
                    .number("SELECT loss_detected IS NOT NULL FROM meta")
                if let isInTrouble { seen.add(isInTrouble == 1 ? "in trouble" : "well") }
                return base.sinceBoot()
            }, wall: base.wall, bootID: base.bootID)
        let store = try SQLiteStore(path: path, clock: watched)
        expectEqual(Set(seen.words), ["well"])
        _ = try await store.grant(.of(a))
        try inflict(.deletedWithItsLog, [:])
        let before = seen.words.count
        _ = try await store.lookUp(a.id)
        expectEqual(Set(seen.words.dropFirst(before)), ["in trouble"])
    }

    @Test(arguments: ["boot-2", nil])
    func downTimeDoesNotCountForAQuarantine(_ bootID: String?) async throws {
        let store = try open()
        try inflict(.deletedWithItsLog, [:])
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        clock.advance(.seconds(10))
        // Written, so that the file's time continues from here.
        try await store.complete(.of(a, FencingToken(1)))
        await store.close()
        clock.reboot(after: .seconds(3600), as: bootID)
        let left = Reservation.quarantine - .seconds(10)
        try await expectEqual(newcomersVerdict(.of(a)).quarantine, left)
    }

    @Test func aBackupWithAnEarlierFaultIsJudgedByTheLaterOne() async throws {
        var store = try open()
        try inflict(.deletedWithItsLog, [:])
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        clock.advance(Reservation.quarantine)
        let copy = try await makeCopy(of: store)
        clock.advance(.seconds(10))
        try inflict(.replacedByAnOlderCopy, copy)
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        try await expectEqual(newcomersVerdict(.of(a)).quarantine, Reservation.quarantine)
        await store.close()

        // A file put back between two runs only records faults that are over.
        try inflict(.replacedByAnOlderCopy, copy)
        store = try open()
        _ = try await store.grant(.of(a))
    }

    @Test func aCorrectedClockQuarantinesLaterProcessesToo() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        await store.close()
        clock.stepBoot(.seconds(-3600))
        for _ in 0..<2 {
            try await expectEqual(newcomersVerdict(.of(a)).quarantine, Reservation.quarantine)
        }
    }

    // MARK: helpers

    /// Copies of the three files as they are now.
    func makeCopy(of store: SQLiteStore) async throws -> [String: [UInt8]] {
        let token = try await store.grant(.of(.orders("before")))
        try await store.complete(.of(.orders("before"), token, .opens(in: .zero)))
        return Dictionary(
            uniqueKeysWithValues: folder.names.map {
                ($0, TemporaryFolder.read("\(folder.path)/\($0)"))
            })
    }

    private func inflict(_ loss: Loss, _ copy: [String: [UInt8]]) throws {
        let store = folder.store
        switch loss {
        case .deleted: unlink(store)
        case .deletedWithItsLog: for name in folder.names { unlink("\(folder.path)/\(name)") }
        case .logDeleted: unlink(store + "-wal")
        case .replacedByAnOlderCopy:
            for (name, bytes) in copy {
                TemporaryFolder.write(bytes, to: "\(folder.path)/new")
                rename("\(folder.path)/new", "\(folder.path)/\(name)")
            }
        case .overwrittenByAnOlderCopy:
            for (name, bytes) in copy { TemporaryFolder.write(bytes, to: "\(folder.path)/\(name)") }
        case .emptied:
            let other = try Database(path: store, lockWaitMilliseconds: 1000)
            try other.execute("DELETE FROM meta; DELETE FROM entries; DELETE FROM calls")
            try other.execute("DELETE FROM sources")
        }
    }
}
