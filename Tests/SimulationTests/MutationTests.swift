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

    /// Which schedule catches what takes more than a few.
    private static let known: [Mutant: UInt64] = [
        .ttlGate: 77, .lateSend: 700, .grantNotDurable: 1174, .oldOwnerMovesGate: 463,
        .neighbourHidden: 77, .ageFromWaking: 657, .noticesIgnored: 273,
        .sentAfterPause: 3146, .breakerNeverOpens: 323, .breakerProbesAtOnce: 323,
        .breakerNeverGrows: 323, .breakerOpensEarly: 200, .breakerShared: 447,
    ]
}
