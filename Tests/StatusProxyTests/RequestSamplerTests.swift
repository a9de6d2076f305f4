// Which requests get a line: tables of instants.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct RequestSamplerTests {
    private static let burst = [Int](repeating: 0, count: RequestSampler.linesPerSecond)

    /// What requests at these milliseconds get.
    private func lines(
        _ logging: RequestLogging, _ kind: AnswerKind = .hit, at milliseconds: [Int]
    ) -> [Int?] {
        var sampler = RequestSampler(logging)
        return milliseconds.map {
            sampler.take(kind, now: Instant(nanoseconds: 5_000_000_000) + .milliseconds($0))
        }
    }

    @Test(arguments: RequestLogging.allCases, AnswerKind.allCases)
    func unsampledKindsHaveALineEachOrNone(logging: RequestLogging, kind: AnswerKind) {
        let got = lines(logging, kind, at: Self.burst + Self.burst)
        switch (logging, kind) {
        case (.all, _), (_, .trouble), (.sampled, .call): #expect(got.allSatisfy { $0 == 1 })
        case (.trouble, _): #expect(got.allSatisfy { $0 == nil })
        case (.sampled, .hit), (.sampled, .own):
            expectEqual(got.count { $0 != nil }, Self.burst.count)
        }
    }

    /// A hundred at once, then one in ten milliseconds.
    @Test(
        arguments: [
            ([0, 0, 0], [nil, nil, nil]), ([9], [nil]), ([10], [1]), ([10, 10], [1, nil]),
            ([0, 5, 10, 11, 19, 20], [nil, nil, 3, nil, nil, 3]),
            ([10, 20, 30], [1, 1, 1]), ([1, 500, 500], [nil, 2, 1]),
        ] as [([Int], [Int?])])
    func requestsBeyondTheRateAreSampledAndCounted(after: [Int], expected: [Int?]) {
        for kind in [AnswerKind.hit, .own] {
            let got = lines(.sampled, kind, at: Self.burst + after)
            #expect(got.prefix(Self.burst.count).allSatisfy { $0 == 1 })
            expectEqual(Array(got.dropFirst(Self.burst.count)), expected)
        }
    }

    @Test func kindsAreSampledSeparately() {
        var sampler = RequestSampler(.sampled)
        let now = Instant(nanoseconds: 5_000_000_000)
        for _ in Self.burst { expectEqual(sampler.take(.hit, now: now), 1) }
        #expect(sampler.take(.hit, now: now) == nil)
        expectEqual(sampler.take(.own, now: now), 1)
    }

    @Test func linesAreAsManyAsTheRateAllowsAndStandForAllRequests() {
        // A hundred requests a millisecond for three seconds, and one at the end of the fourth.
        let moments = (0..<3000).flatMap { [Int](repeating: $0, count: 100) } + [4000]
        let got = lines(.sampled, at: moments).compactMap(\.self)
        expectEqual(got.count, 4 * RequestSampler.linesPerSecond)
        expectEqual(got.reduce(0, +), moments.count)
    }
}
