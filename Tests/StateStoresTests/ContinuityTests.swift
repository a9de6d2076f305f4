// Compares what is remembered of a store with what is found: which differences are faults.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("A file is judged by what the process remembers of it")
struct ContinuityTests {
    static let now = Instant(nanoseconds: 100_000_000_000)
    static let known = StoreMeta(
        epoch: 7, revision: 10, token: FencingToken(3), bootID: "x", clockOffset: .seconds(5),
        lastTime: Instant(nanoseconds: 104_000_000_000),
        lossDetectedAt: Instant(nanoseconds: 20_000_000_000))

    struct Row: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var isTrouble: Bool
        var keepsEpoch = true
        var offset = Duration.seconds(5)
        var earlier: String?
        var bootID: String? = "x"
        var change: @Sendable (inout StoreMeta) -> Void = { _ in }
    }

    static let rows = [
        Row(testDescription: "nothing changed", isTrouble: false),
        Row(testDescription: "others wrote", isTrouble: false) { $0.revision = 12 },
        Row(testDescription: "set back", isTrouble: true, keepsEpoch: false) { $0.revision = 9 },
        Row(testDescription: "another epoch", isTrouble: true) { $0.epoch = 8 },
        Row(testDescription: "replaced", isTrouble: true, keepsEpoch: false, earlier: "replaced"),
        Row(
            testDescription: "offset moved by another process", isTrouble: true,
            keepsEpoch: false, offset: .seconds(6)
        ) { $0.clockOffset = .seconds(6) },
        Row(testDescription: "2 s behind", isTrouble: false) {
            $0.lastTime = now + .seconds(7)
        },
        Row(
            testDescription: "over 2 s behind", isTrouble: true, keepsEpoch: false,
            offset: .seconds(8)
        ) { $0.lastTime = now + .seconds(8) },
        Row(
            testDescription: "another boot", isTrouble: true, keepsEpoch: false,
            offset: .seconds(4), bootID: "y"),
    ]

    @Test(arguments: rows)
    func differencesAreJudged(_ row: Row) {
        var found = Self.known
        row.change(&found)
        let judgement = Continuity.judge(
            found, remembered: Continuity(Self.known), earlier: row.earlier,
            sinceBoot: Self.now, bootID: row.bootID)
        expectEqual(judgement.trouble != nil, row.isTrouble)
        expectEqual(judgement.meta.epoch == found.epoch, row.keepsEpoch)
        expectEqual(judgement.meta.clockOffset, row.offset)
        let moment =
            row.isTrouble ? judgement.meta.time(sinceBoot: Self.now) : Self.known.lossDetectedAt
        expectEqual(judgement.meta.lossDetectedAt, moment)
    }

    @Test func firstStartAfterABootContinuesFromTheLastTimeWritten() {
        let judgement = Continuity.judge(
            Self.known, remembered: nil, earlier: nil,
            sinceBoot: Instant(nanoseconds: 3_000_000_000), bootID: "y")
        #expect(judgement.trouble == nil)
        expectEqual(
            judgement.meta.time(sinceBoot: Instant(nanoseconds: 3_000_000_000)),
            Self.known.lastTime)
    }
}
