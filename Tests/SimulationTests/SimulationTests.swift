// Random schedules of the whole service, checked against the contract. A seed replays a run exactly.

import Foundation
import TestSupport
import Testing

@testable import StatusCore

@Suite struct SimulationTests {
    /// Seeds that once failed, of the service or of a mutant.
    static let corpus: [UInt64] = [
        3, 4, 5, 6, 7, 8, 13, 19, 26, 27, 34, 80, 104, 110, 215, 218, 312, 372, 501, 505, 566, 676,
        775, 1027, 1105, 1422, 2282, 2574, 3628, 8735, 12582, 12897, 23269, 37517, 56198, 98070,
        98731,
        2291, 2890, 4135, 6710, 7931, 117_462, 119_182, 259_602,
        344_162, 444_551, 481_894, 970_827, 166_292, 249_906,
        1064, 1349, 1356, 6111, 6871, 17_672, 25_510, 30_870, 52_425,
        104_658, 146_454, 168_217, 182_962, 186_261,
        393_538, 672_906, 724_853, 749_362, 11_136, 11_617, 14_758, 11_224, 18_003, 19_374, 32_707,
        36_908, 152_139, 199_956, 254_235, 260_091, 160_680, 181_166, 208_593, 258_994,
        259_499, 12_067, 17_194, 134_598, 192_673, 406_625,
        470_464, 829_435,
    ]

    /// How many schedules a run of the tests has; `SIMULATION_SCHEDULES` overrides it. Without
    /// optimisation a schedule takes at least ten times as long, so there are only a few.
    static let schedules: UInt64 = {
        let text = ProcessInfo.processInfo.environment["SIMULATION_SCHEDULES"]
        #if DEBUG
            return text.flatMap { UInt64($0) } ?? 100
        #else
            return text.flatMap { UInt64($0) } ?? 20_000
        #endif
    }()

    /// The first seed; `SIMULATION_SEED` overrides it, so that long runs need not repeat.
    static let firstSeed: UInt64 = {
        let text = ProcessInfo.processInfo.environment["SIMULATION_SEED"]
        return text.flatMap { UInt64($0) } ?? 1
    }()

    @Test(arguments: corpus)
    func aSeedThatOnceFailedHolds(seed: UInt64) { expectHolds(seed) }

    @Test func everyScheduleHolds() async {
        if let seed = Self.replayed { return show(seed) }
        let start = ContinuousClock.now
        let shards = UInt64(ProcessInfo.processInfo.activeProcessorCount)
        let figures = await withTaskGroup(of: Figures.self) { group in
            for shard in 0..<shards {
                group.addTask { Self.run(every: shards, from: Self.firstSeed + shard) }
            }
            return await group.reduce(into: Figures()) { $0.add($1) }
        }
        print("\(Self.schedules) schedules in \(ContinuousClock.now - start): \(figures.text)")
        for seed in figures.broken.values { expectHolds(seed) }
        if Self.schedules >= 20_000 {
            // A second without resources seldom meets an answer that is due: StalenessTests has it.
            let missing = Set(StaleReason.allCases).subtracting(figures.reasonsCompared)
            #expect(missing.isSubset(of: [.overloaded]))
        }
    }

    /// `SIMULATION_REPLAY` is the seed; see `scripts/simulate`.
    static let replayed: UInt64? = {
        ProcessInfo.processInfo.environment["SIMULATION_REPLAY"].flatMap { UInt64($0) }
    }()

    private func show(_ seed: UInt64) {
        let world = World(seed: seed, isTraced: true)
        let violation = world.run()
        print("\(world.scenario.replicas) replicas, \(world.scenario.policy)")
        print(world.trace.wholeText)
        #expect(violation == nil)
    }

    private static func run(every stride: UInt64, from first: UInt64) -> Figures {
        var figures = Figures()
        for seed in Swift.stride(from: first, to: firstSeed + schedules, by: Int(stride)) {
            let world = World(seed: seed)
            let violation = world.run()
            figures.add(world)
            // One seed of each kind, so that one run shows all kinds.
            if let violation, figures.broken[violation.rule] == nil {
                figures.broken[violation.rule] = seed
            }
        }
        return figures
    }

    @Test func aSeedReplaysARunExactly() {
        for seed in UInt64(1)...20 {
            let first = World(seed: seed, isTraced: true)
            let second = World(seed: seed, isTraced: true)
            expectEqual(first.run(), second.run())
            expectEqual(first.trace.text, second.trace.text)
            expectEqual(first.happeningCount, second.happeningCount)
        }
    }

    /// Runs the seed once more, with its trace.
    private func expectHolds(_ seed: UInt64) {
        let world = World(seed: seed, isTraced: true)
        guard let violation = world.run() else { return }
        Issue.record(
            """
            seed \(seed): \(violation.rule) \(violation.text)
            \(world.scenario.replicas) replicas, \(world.scenario.policy)
            \(world.trace.text)
            """)
    }

    /// The schedules' figures, which show that they test something.
    private struct Figures {
        var happenings: UInt64 = 0
        var calls = 0
        var replies = 0
        var reasonsCompared: Set<StaleReason> = []
        var broken: [Judge.Rule: UInt64] = [:]

        mutating func add(_ other: Figures) {
            happenings += other.happenings
            calls += other.calls
            replies += other.replies
            reasonsCompared.formUnion(other.reasonsCompared)
            broken.merge(other.broken) { min($0, $1) }
        }

        mutating func add(_ world: World) {
            happenings += world.happeningCount
            calls += world.judge.calls
            replies += world.judge.replies
            reasonsCompared.formUnion(world.judge.reasonsCompared)
        }

        var text: String { "\(happenings) events, \(calls) calls, \(replies) replies" }
    }
}
