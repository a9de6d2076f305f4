// The file store beyond the contract: real files, reopened, shared, lost, set back and damaged.

import Glibc
import Locking
import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("The file store survives what happens to files", .blocking)
struct SQLiteStoreTests {
    let folder = TemporaryFolder()
    let clock = ManualClock()
    let a = EntryKey.orders("a")

    func open(_ limits: SQLiteLimits = SQLiteLimits()) throws -> SQLiteStore {
        try SQLiteStore(path: folder.store, clock: clock.storeClock, limits: limits) { _ in }
    }

    /// What another process reads before it exits: nothing of it affects the next step.
    func newcomersVerdict(_ request: Reservation) async throws -> ReservationReply.Verdict {
        let store = try open()
        let verdict = try await store.verdict(request)
        await store.close()
        return verdict
    }

    // MARK: modes

    private func modes() -> [mode_t] {
        ["", "-wal", "-shm"].map { suffix in
            var status = stat()
            return stat(folder.store + suffix, &status) == 0 ? status.st_mode & 0o777 : 0
        }
    }

    @Test func filesAreForTheirOwnerOnlyWithAnyUmask() async throws {
        let before = umask(0)
        let store = Result { try open() }
        umask(before)
        _ = try await store.get().grant(.of(a))
        expectEqual(modes(), [0o600, 0o600, 0o600])
        await (try store.get()).close()
    }

    @Test func filesThatOthersCouldReadAreNarrowedAndNamed() async throws {
        // Left by a process that was killed: log and index are still there.
        let earlier = try open()
        _ = try await earlier.grant(.of(a))
        for suffix in ["", "-wal", "-shm"] { chmod(folder.store + suffix, 0o664) }
        let lines = Guarded<[String]>([])
        let store = try SQLiteStore(path: folder.store, clock: clock.storeClock) { line in
            lines.withLock { $0.append(line) }
        }
        expectEqual(modes(), [0o600, 0o600, 0o600])
        let reported = lines.withLock { $0 }
        expectEqual(reported.count, 3)
        for line in reported { #expect(line.contains("its mode was 664 and is 600 now")) }
        // Both still see and lock the same file.
        try await expectEqual(store.verdict(.of(a)), earlier.verdict(.of(a)))
        await store.close()
        await earlier.close()
    }

    @Test func fileOfAnotherProgramKeepsItsMode() async throws {
        TemporaryFolder.write(Array("no database at all".utf8), to: folder.store)
        chmod(folder.store, 0o644)
        #expect(throws: StoreFailure.self) { try open() }
        expectEqual(modes()[0], 0o644)
    }

    // MARK: restarts

    @Test func reopeningKeepsGatesAnswersPausesAndTheSmallestGap() async throws {
        var store = try open()
        let first = try await store.grant(.of(a))
        try await store.complete(.of(a, first, .opens(in: .seconds(30)), sentAgo: .zero))
        clock.advance(.seconds(31))
        let second = try await store.grant(.of(a))
        let before = try await store.complete(
            .of(
                a, second, pause: .seconds(100), sentAgo: .zero,
                observation: .answer(.sample("a"), checkedAt: clock.wall)))
        expectEqual(before.smallestGap, .seconds(31))
        await store.close()

        store = try open()
        try await expectEqual(store.lookUp(a.id), [before.record])
        try await expectEqual(store.verdict(.of(a)), .paused(opensIn: .seconds(100)))
        clock.advance(.seconds(100))
        let third = try await store.grant(.of(a))
        #expect(third > second)
        try await expectEqual(store.complete(.of(a, third)).smallestGap, .seconds(31))
        await store.close()
        expectEqual(folder.names, ["store.sqlite"])
    }

    @Test func reopeningKeepsAnOpenBreaker() async throws {
        var store = try open()
        let token = try await store.grant(.of(a))
        var completion = Completion.of(a, token, sentAgo: .zero)
        completion.breaker = .opened(for: .seconds(20))
        try await store.complete(completion)
        await store.close()

        store = try open()
        let heeding = Reservation.of(a, heedsBreaker: true)
        try await expectEqual(store.verdict(heeding), .resting(opensIn: .seconds(20)))
        clock.advance(.seconds(20))
        #expect(try await store.verdict(heeding).isGateShut)
        await store.close()
    }

    @Test func reopeningKeepsHeldGatesAndBudgets() async throws {
        var store = try open()
        _ = try await store.grant(.of(a, perMinute: 1))
        await store.close()
        store = try open()
        clock.advance(.seconds(1))
        #expect(try await store.verdict(.of(a)).isGateShut)
        let other = try await store.verdict(.of(.orders("b"), perMinute: 1))
        let counts = Reservation.flightMax + BudgetLimits.minuteWindow
        expectEqual(other, .budgetSpent(opensIn: counts - .seconds(1), .minute))
    }

    // MARK: clocks

    @Test(arguments: [Duration.seconds(-86_400), .seconds(86_400)])
    func wallClockStepsDoNotMoveGates(_ step: Duration) async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        clock.stepWall(step)
        clock.advance(.seconds(40))
        #expect(try await store.verdict(.of(a)).isGateShut)
        clock.advance(.seconds(1))
        _ = try await store.grant(.of(a))
    }

    @Test(arguments: ["boot-2", nil])
    func downTimeCountsForAgesButNotForGates(_ bootID: String?) async throws {
        var store = try open()
        let b = EntryKey.orders("b")
        let token = try await store.grant(.of(b))
        try await store.complete(
            .of(
                b, token, .opens(in: .seconds(10)),
                observation: .answer(.sample("b"), checkedAt: clock.wall)))
        _ = try await store.grant(.of(a))
        await store.close()
        clock.reboot(after: .seconds(3600), as: bootID)
        store = try open()
        guard case .gateShut(let record) = try await store.verdict(.of(a)) else {
            Issue.record("the gate opened during down-time")
            return
        }
        #expect(record.opensIn == .seconds(41) && record.firstSeenAgo == .seconds(3600))
        let kept = try #require(try await store.lookUp(b.id).first)
        #expect(kept.opensIn == .seconds(10) && kept.answer?.age == .seconds(3600))
        clock.advance(.seconds(41))
        _ = try await store.grant(.of(a))
    }

    @Test func clockFarBehindTheFileIsCorrectedAndQuarantined() async throws {
        let store = try open()
        let token = try await store.grant(.of(a))
        try await store.complete(.of(a, token, .opens(in: .seconds(5))))
        clock.stepBoot(.seconds(-3600))
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        let record = try #require(try await store.lookUp(a.id).first)
        expectEqual(record.opensIn, .seconds(5))
        clock.advance(Reservation.quarantine)
        _ = try await store.grant(.of(a))
    }

    @Test func clockSlightlyBehindStandsStill() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        clock.stepBoot(.milliseconds(-1500))
        guard case .gateShut(let record) = try await store.verdict(.of(a)) else {
            Issue.record("not shut")
            return
        }
        expectEqual(record.opensIn, .seconds(41))
    }

    // MARK: sharing

    @Test func twoStoresOnOneFileGrantOneGateOnce() async throws {
        let stores = [try open(), try open()]
        for round in 0..<20 {
            let key = EntryKey.orders("a\(round)")
            let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<20 {
                    group.addTask { try await stores[number % 2].verdict(.of(key)).isGranted }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            expectEqual(grants, 1)
        }
    }

    @Test func twoStoresOnOneFileShareOneBudget() async throws {
        let stores = [try open(), try open()]
        let grants = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<60 {
                group.addTask {
                    try await stores[number % 2]
                        .verdict(.of(.orders("a\(number)"), perMinute: 20)).isGranted
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        expectEqual(grants, 10, "the unknown ids' half")
    }

    @Test func oneStoreReportsChangesByAnotherOnTheSameFile() async throws {
        let stores = [try open(), try open()]
        let (mine, others) = (ReceivedChanges(), ReceivedChanges())
        stores[0].listen { mine.add($0) }
        stores[1].listen { others.add($0) }
        try await eventually("listening") { stores.allSatisfy(\.isListening) }
        for id in ["b", "c"] {
            clock.advance(.seconds(1))
            let token = try await stores[0].grant(.of(.vouchers(id)))
            try await stores[0].complete(
                .of(
                    .vouchers(id), token,
                    observation: .answer(.sample(id, .vouchers), checkedAt: clock.wall)))
            try await others.until { $0.contains(.changed(.sample(id))) }
        }
        expectEqual(others.all, [.changed(.sample("b")), .changed(.sample("c"))])
        #expect(mine.all.isEmpty)
        for store in stores { await store.close() }
    }

    @Test func lockHeldByAnotherProcessFailsReservationsButNotLookUps() async throws {
        var limits = SQLiteLimits()
        limits.lockWaitMax = .milliseconds(20)
        let store = try open(limits)
        let token = try await store.grant(.of(a))
        do {
            let other = try Database(path: folder.store, lockWaitMilliseconds: 20)
            try other.execute("BEGIN IMMEDIATE")
            await #expect(throws: StoreFailure.self) { try await store.reserve(.of(.orders("b"))) }
            try await expectEqual(store.lookUp(a.id).count, 1)
            try other.execute("ROLLBACK")
        }
        try await expectEqual(store.complete(.of(a, token)).record.opensIn, .seconds(30))
    }

    // MARK: trouble

    @Test func storeSurvivesAFolderThatDisappearsAndReturns() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        let away = folder.path + "-away"
        expectEqual(rename(folder.path, away), 0)
        for _ in 0..<3 {
            await #expect(throws: StoreFailure.self) { try await store.reserve(.of(a)) }
        }
        expectEqual(rename(away, folder.path), 0)
        clock.advance(.seconds(5))
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        clock.advance(Reservation.quarantine)
        _ = try await store.grant(.of(a))
    }

    @Test func fullDiskFailsOnlyWrites() async throws {
        let store = try open()
        let token = try await store.grant(.of(a))
        try await store.onDatabase { database throws(SQLiteFailure) in
            let pages = try database.number("PRAGMA page_count") ?? 0
            _ = try database.number("PRAGMA max_page_count = \(pages)")
        }
        let big = ActionDocument(
            bytes: Array(repeating: 0x20, count: 100_000), source: .orders, status: .pending,
            isDone: false, createdAt: nil)
        let completion = Completion.of(a, token, observation: .answer(big, checkedAt: clock.wall))
        async let kept = store.lookUp(a.id)
        let failure = await #expect(throws: StoreFailure.self) {
            try await store.complete(completion)
        }
        expectEqual(failure?.text.contains("full"), true)
        try await expectEqual(kept.first?.opensIn, .seconds(41))
        try await store.onDatabase { database throws(SQLiteFailure) in
            _ = try database.number("PRAGMA max_page_count = 100000")
        }
        let reply = try await store.complete(completion)
        expectEqual(reply.record.answer?.document, big)
        expectEqual(reply.record.opensIn, .seconds(30))
    }

    @Test func readOnlyDatabaseFailsReservationsAndRecovers() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        try await store.onDatabase { database throws(SQLiteFailure) in
            try database.execute("PRAGMA query_only = 1")
        }
        await #expect(throws: StoreFailure.self) { try await store.reserve(.of(.orders("b"))) }
        try await expectEqual(store.lookUp(a.id).count, 1)
        try await store.onDatabase { database throws(SQLiteFailure) in
            try database.execute("PRAGMA query_only = 0")
        }
        _ = try await store.grant(.of(.orders("b")))
    }

    @Test func garbageUnderARunningStoreIsSetAsideAndQuarantined() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        for suffix in ["-wal", ""] {
            let path = folder.store + suffix
            let size = TemporaryFolder.read(path).count
            TemporaryFolder.write(Array(repeating: 0x5A, count: size), to: path)
        }
        // A copy of the first pages may be in memory: make the store read the file.
        try await store.onDatabase { database throws(SQLiteFailure) in
            try database.execute("PRAGMA shrink_memory")
        }
        let verdict = try? await store.verdict(.of(a))
        #expect(verdict?.isGranted != true)
        clock.advance(.seconds(5))
        try await expectEqual(store.verdict(.of(a)).isGranted, false)
        clock.advance(Reservation.quarantine)
        _ = try await store.grant(.of(a))
        #expect(folder.names.contains { $0.hasPrefix("store.sqlite.corrupt-1") })
    }

    @Test func fileReplacedDuringATransactionVoidsItsGrant() async throws {
        let exchanged = Recorder()
        let (path, copy) = (folder.store, try await makeCopy(of: open()))
        let base = clock.storeClock
        // The clock is read inside the transaction, where the copy is put in place, once.
        let slipping = StoreClock(
            sinceBoot: base.sinceBoot,
            wall: {
                if exchanged.words == ["ready"] {
                    exchanged.add("done")
                    TemporaryFolder.write(copy["store.sqlite"] ?? [], to: path + ".new")
                    rename(path + ".new", path)
                }
                return base.wall()
            }, bootID: base.bootID)
        let store = try SQLiteStore(path: path, clock: slipping)
        exchanged.add("ready")
        try await expectEqual(store.verdict(.of(a)).quarantine, Reservation.quarantine)
        expectEqual(exchanged.words, ["ready", "done"])
        #expect(folder.names.contains("store.sqlite.orphan-1-wal"))
    }

    @Test func linkToTheFileWorksLikeTheFile() async throws {
        let store = try open()
        _ = try await store.grant(.of(a))
        let link = folder.path + "/link.sqlite"
        expectEqual(symlink(folder.store, link), 0)
        let other = try SQLiteStore(path: link, clock: clock.storeClock)
        #expect(try await other.verdict(.of(a)).isGateShut)
    }

    @Test func linkToAMissingFileWorksAtEveryStart() async throws {
        let link = folder.path + "/link.sqlite"
        let second = folder.path + "/second.sqlite"
        expectEqual(symlink("link.sqlite", second), 0)
        expectEqual(symlink(folder.store, link), 0)
        for start in 1...2 {
            let store = try SQLiteStore(path: second, clock: clock.storeClock)
            if start == 1 {
                _ = try await store.grant(.of(a))
            } else {
                #expect(try await store.verdict(.of(a)).isGateShut)
            }
            await store.close()
        }
        expectEqual(folder.names, ["link.sqlite", "second.sqlite", "store.sqlite"])
    }

    // MARK: refused at start

    @Test(arguments: [
        "none/../store.sqlite", "none/store.sqlite", "", "lost/store.sqlite", "round",
    ])
    func unresolvablePathIsRefusedAtEveryStartAndLeavesNoFile(name: String) throws {
        expectEqual(symlink("\(folder.path)/nowhere", "\(folder.path)/lost"), 0)
        expectEqual(symlink("round", "\(folder.path)/round"), 0)
        let path = name.isEmpty ? folder.path : "\(folder.path)/\(name)"
        for _ in 1...2 {
            let failure = #expect(throws: StoreFailure.self) {
                try SQLiteStore(path: path, clock: clock.storeClock)
            }
            expectEqual(failure?.text.contains(path), true)
            #expect(SQLiteStore.fault(at: path) != nil)
        }
        expectEqual(folder.names, ["lost", "round"])
    }

    @Test func garbageAtStartIsAClearError() throws {
        TemporaryFolder.write(Array("this is not a database at all, ".utf8), to: folder.store)
        let failure = #expect(throws: StoreFailure.self) { try open() }
        expectEqual(failure?.text.contains(folder.store), true)
        expectEqual(failure?.text.contains("not a database"), true)
        expectEqual(folder.names, ["store.sqlite"], "nothing is moved at a start")
    }

    @Test func foreignFilesAndOtherVersionsAreRefused() throws {
        for (sql, words) in [
            ("PRAGMA application_id = 7", "another program"),
            ("CREATE TABLE x (y); PRAGMA application_id = 0", "another program"),
            (
                "PRAGMA application_id = \(Schema.applicationID); PRAGMA user_version = 99",
                "schema version 99"
            ),
        ] {
            try Database(path: folder.store, lockWaitMilliseconds: 0).execute(sql)
            let failure = #expect(throws: StoreFailure.self) { try open() }
            expectEqual(failure?.text.contains(words), true, "\(sql)")
            unlink(folder.store)
        }
    }

    @Test func missingFolderIsAClearError() throws {
        let path = folder.path + "/missing/store.sqlite"
        let failure = #expect(throws: StoreFailure.self) { try SQLiteStore(path: path) }
        expectEqual(failure?.text.contains(path), true)
    }

    // MARK: rows

    @Test func unknownWordsAreReadAsTheNearest() async throws {
        let store = try open()
        let token = try await store.grant(.of(a))
        try await store.complete(
            .of(
                a, token, .opens(in: .zero),
                observation: .answer(.sample("a"), checkedAt: clock.wall)))
        let next = try await store.grant(.of(a))
        try await store.complete(.of(a, next, observation: .negative(.timedOut)))
        try await store.onDatabase { database throws(SQLiteFailure) in
            try database.execute(
                """
                UPDATE documents SET status = 'ON_HOLD';
                UPDATE entries SET negative_kind = 'eaten-by-dog', lease_state = 99
                """)
        }
        let record = try #require(try await store.lookUp(a.id).first)
        expectEqual(record.answer?.document.status, .unknown)
        expectEqual(record.negative?.fault.kind, .unexpectedStatus)
        #expect(try await store.complete(.of(a, next)).gap == nil)
    }

    @Test func oneFailingOperationDoesNotAffectItsBatch() async throws {
        let store = try open()
        try await store.onDatabase { database throws(SQLiteFailure) in
            try database.execute(
                """
                CREATE TEMP TRIGGER fails BEFORE INSERT ON main.entries WHEN new.id = 'bad'
                BEGIN SELECT RAISE(ABORT, 'no such luck'); END
                """)
        }
        let outcomes = await withTaskGroup(of: (String, Bool).self) { group in
            for number in 0..<100 {
                let id = number == 50 ? "bad" : "a\(number)"
                group.addTask {
                    (id, (try? await store.verdict(.of(.orders(id))).isGranted) == true)
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        #expect(outcomes.filter { $0.value }.count >= 99)
    }

    @Test func purgeInSmallStepsDropsOldAndSurplusCalls() async throws {
        var limits = SQLiteLimits()
        limits.purgeStepRows = 3
        limits.journalCallsMax = 4
        let store = try open(limits)
        let retention = Retention(
            terminalTTL: .seconds(90_000), staleMax: .seconds(90_000), negativeMax: .seconds(90_000)
        )
        for number in 0..<10 { _ = try await store.grant(.of(.orders("a\(number)"))) }
        clock.advance(.seconds(3600))
        for number in 0..<5 { _ = try await store.grant(.of(.orders("b\(number)"))) }
        try await expectEqual(store.purge(retention), 0, "a window can still count them")
        // Eleven are too many; the first ten are over a day old, and only they may be dropped.
        clock.advance(.seconds(83_000))
        try await expectEqual(store.purge(retention), 10)
        clock.advance(.seconds(90_100))
        try await expectEqual(store.purge(retention), 20, "five calls, fifteen gates")
    }
}
