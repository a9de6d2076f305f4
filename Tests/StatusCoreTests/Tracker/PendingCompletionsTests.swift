import TestSupport
import Testing

@testable import StatusCore

@Suite struct PendingCompletionsTests {
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private func completion(pause: Duration? = nil, observation: Completion.Observation = .none)
        -> Completion
    {
        Completion(
            key: EntryKey(.vouchers, .of("aa_1")), token: FencingToken(1),
            gate: .opens(in: .seconds(30)),
            pause: pause, sentAgo: .seconds(1), observation: observation, outcome: "answered")
    }

    @Test func aCompletionIsRepeatedASecondLaterWithAdjustedTimes() throws {
        var pending = PendingCompletions()
        pending.add(completion(pause: .seconds(60)), madeAt: Self.start, flight: 7, Self.start)
        expectEqual(pending.nextWake(), Self.start + .seconds(1))
        #expect(pending.nextWake() == nil && !pending.areDue(Self.start))
        let now = Self.start + .seconds(1)
        #expect(pending.areDue(now))
        let (flight, again) = try #require(pending.takeDue(now, all: false).first)
        #expect(flight == 7 && again.gate == .opens(in: .seconds(29)))
        #expect(again.pause == .seconds(59) && again.sentAgo == .seconds(2))
        // Not twice at a time.
        #expect(pending.takeDue(now + .seconds(9), all: true).isEmpty)
    }

    @Test func obsoleteCompletionsAreDropped() {
        var pending = PendingCompletions()
        pending.add(completion(pause: .seconds(1)), madeAt: Self.start, flight: 7, Self.start)
        #expect(pending.takeDue(Self.start + .seconds(1), all: false).isEmpty)
        #expect(pending[7] == nil)
    }

    @Test func aCompletionRefusedThreeTimesIsGivenUp() {
        var pending = PendingCompletions()
        pending.add(completion(), madeAt: Self.start, flight: 7, Self.start)
        let outcomes = [false, true, true, true].map {
            pending.failed(7, isRefused: $0, Self.start)
        }
        expectEqual(outcomes, [true, true, true, false])
    }
}
