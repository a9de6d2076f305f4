// Shows that the simulator finds faults: each one built in on purpose has to be caught.

import Testing

@testable import StatusCore

@Suite struct MutationTests {
    /// More schedules than any mutant has ever needed, by a good margin.
    static let schedulesMax: UInt64 = 10_000

    @Test(arguments: Mutant.allCases)
    func everyMutantIsCaught(mutant: Mutant) {
        for seed in Self.seeds(mutant) {
            guard let violation = World(seed: seed, mutant: mutant).run() else { continue }
            return print("\(mutant.rawValue) caught by \(violation.rule) in schedule \(seed)")
        }
        Issue.record("\(mutant.rawValue) lives after \(Self.schedulesMax) schedules")
    }

    /// From the first on, to see how many it takes; without optimisation the one that is known to
    /// catch it comes first.
    private static func seeds(_ mutant: Mutant) -> [UInt64] {
        let all = Array(1...schedulesMax)
        #if DEBUG
            return (known[mutant].map { [$0] } ?? []) + all
        #else
            return all
        #endif
    }

    /// Which schedule catches what the first few do not.
    private static let known: [Mutant: UInt64] = [
        .startToStart: 9, .openAfterFailure: 38, .settleForgotten: 20, .ttlGate: 77,
        .wallClockGate: 7, .openAfterTimeout: 81, .resendAfterReset: 16, .noQuarantine: 7,
        .lateSend: 700, .grantNotDurable: 1493, .oldOwnerMovesGate: 463, .pauseNotShared: 42,
        .sentAfterPause: 3146, .shortQuarantine: 137, .finishedGateOpens: 26,
        .noticesIgnored: 273, .neighbourHidden: 77, .ageFromWaking: 657, .listUnspaced: 45,
        .listNotCounted: 32, .unseenConfirmed: 32, .breakerNeverOpens: 323,
        .breakerProbesAtOnce: 323, .breakerNeverGrows: 323, .breakerStaysOpen: 17,
        .breakerOpensEarly: 200, .breakerShared: 472, .heldForOther: 13, .waitingNotFirst: 80,
        .firstAskedFirst: 148, .publishedPastDue: 99,
        .unknownShareByMinute: 9, .notFoundShareIgnored: 4, .holderShareIgnored: 14,
        .spelledAsAsked: 9,
    ]
}
