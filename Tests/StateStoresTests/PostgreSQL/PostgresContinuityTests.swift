// Compares what is remembered of a database with what is found: which differences are faults.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A database is judged by what the process remembers of it")
struct PostgresContinuityTests {
    private static func at(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: seconds * 1_000_000_000)
    }

    private static let meta = PostgresMeta(
        epoch: 7, revision: 10, token: FencingToken(5), clockOffset: .seconds(3), lastTime: at(100),
        home: "here", serverStart: "noon")

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var trouble: String?
        var keepsEpoch = true
        /// The store's time: its clock shows 105, which means 108.
        var now: Int64 = 108
        var knowsNothing = false
        var change: @Sendable (inout PostgresSight) -> Void = { _ in }
    }

    static let rows = [
        Row(testDescription: "nothing changed"),
        Row(testDescription: "others wrote") { $0.meta?.revision = 12 },
        Row(testDescription: "row gone", trouble: "lost", keepsEpoch: false, now: 105) {
            $0.meta = nil
        },
        Row(testDescription: "promoted", trouble: "promoted", keepsEpoch: false) {
            $0.home = "there"
        },
        Row(
            testDescription: "promoted, to a newcomer", trouble: "promoted", keepsEpoch: false,
            knowsNothing: true
        ) { $0.home = "there" },
        Row(testDescription: "set back", trouble: "set back", keepsEpoch: false) {
            $0.meta?.revision = 9
        },
        Row(testDescription: "set back, to a newcomer", knowsNothing: true) {
            $0.meta?.revision = 9
        },
        Row(testDescription: "another epoch", trouble: "epoch changed") { $0.meta?.epoch = 8 },
        Row(testDescription: "clock 2 s behind", now: 110) { $0.meta?.lastTime = at(110) },
        Row(
            testDescription: "clock over 2 s behind", trouble: "clock", keepsEpoch: false, now: 100
        ) { $0.clock = at(94) },
    ]

    @Test(arguments: rows)
    func differencesAreJudged(_ row: Row) {
        var known = PostgresContinuity()
        if !row.knowsNothing { known.keep(Self.meta) }
        var sight = PostgresSight(
            meta: Self.meta, home: "here", serverStart: "noon", clock: Self.at(105))
        row.change(&sight)
        let judgement = known.judge(sight)
        expectEqual(judgement.now, Self.at(row.now))
        if let words = row.trouble {
            expectEqual(judgement.trouble?.contains(words), true)
            expectEqual(judgement.meta.lossDetectedAt, judgement.now)
        } else {
            #expect(judgement.trouble == nil && judgement.meta == sight.meta)
        }
        expectEqual(judgement.meta.epoch == sight.meta?.epoch, row.keepsEpoch)
    }

    @Test func aServersStartRaisesABarrierAndANewSchemaDoesNot() {
        var sight = PostgresSight(
            meta: Self.meta, home: "here", serverStart: "one", clock: Self.at(105))
        let judgement = PostgresContinuity().judge(sight)
        #expect(judgement.trouble == nil)
        expectEqual(judgement.meta.barrier, Self.at(108) + PostgresContinuity.startupBarrier)
        sight.meta?.home = ""
        sight.meta?.serverStart = "one"
        let first = PostgresContinuity().judge(sight)
        #expect(first.trouble == nil && first.meta.barrier == nil && first.meta.home == "here")
    }

    /// Another process has reached the new server first, and written as much as was lost.
    @Test(arguments: [(9, true), (10, false), (11, false)])
    func lossIsDetectedAfterOthersHaveWritten(foundAfterTheStart: Int64, isTrouble: Bool) {
        var known = PostgresContinuity()
        known.keep(Self.meta)
        var sight = PostgresSight(
            meta: Self.meta, home: "here", serverStart: "one", clock: Self.at(105))
        sight.meta?.revision = foundAfterTheStart
        var written = PostgresContinuity().judge(sight).meta
        expectEqual(written.startRevision, foundAfterTheStart)
        written.revision = 14
        sight.meta = written
        let judgement = known.judge(sight)
        expectEqual(judgement.trouble?.contains("set back") == true, isTrouble)
        // Once it is known, its own position is compared.
        known.keep(judgement.meta)
        sight.meta = judgement.meta
        #expect(known.judge(sight).trouble == nil)
    }

    @Test func aClockThatWentAheadIsSetBackButNotBehindTheLastTimeWritten() {
        let sight = PostgresSight(
            meta: Self.meta, home: "here", serverStart: "noon", clock: Self.at(3705))
        for (expected, now) in [(Int64(109), Int64(109)), (90, 100)] {
            let judgement = PostgresContinuity().judge(sight, expected: Self.at(expected))
            expectEqual(judgement.now, Self.at(now))
            expectEqual(judgement.meta.lossDetectedAt, judgement.now)
            expectEqual(sight.clock + judgement.meta.clockOffset, judgement.now)
        }
    }

    /// A promoted server whose clock is behind: its stored states must not look younger.
    @Test func afterALossOfContinuityTimeContinuesFromTheProcesssOwn() {
        for (home, clock, now) in [
            ("there", Int64(75), Int64(120)), ("there", 105, 120), ("there", 125, 128),
            ("here", 75, 120), ("here", 105, 108),
        ] {
            let sight = PostgresSight(
                meta: Self.meta, home: home, serverStart: "noon", clock: Self.at(clock))
            let judgement = PostgresContinuity().judge(sight, earliest: Self.at(120))
            expectEqual(judgement.now, Self.at(now), "\(home) \(clock)")
            expectEqual(sight.clock + judgement.meta.clockOffset, judgement.now)
        }
    }

    @Test func tokensOfALostStateAreSkipped() {
        var known = PostgresContinuity()
        var later = Self.meta
        later.token = FencingToken(9)
        known.keep(later)
        var sight = PostgresSight(
            meta: Self.meta, home: "there", serverStart: "noon", clock: Self.at(105))
        #expect(known.judge(sight).meta.token > FencingToken(9 + (1 << 32)))
        sight.home = "here"
        expectEqual(known.judge(sight).meta.token, Self.meta.token)
    }
}
