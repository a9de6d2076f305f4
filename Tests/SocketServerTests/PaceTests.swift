// Tests how a peer's pace is judged, with invented kernel figures.

import TestSupport
import Testing

@testable import SocketServer

struct PaceTests {
    private static let second: Int64 = 1_000_000_000

    private func pace(untaken: Int, unsent: Int) -> Pace {
        var pace = Pace()
        pace.mark(untaken: untaken, unsent: unsent, now: 0)
        return pace
    }

    @Test(arguments: [(0, false), (999, false), (1000, true), (5000, true)])
    func peerMustTakeTheLeastRate(taken: Int, isKept: Bool) {
        var pace = pace(untaken: 10_000, unsent: 90_000)
        pace.check(untaken: 10_000 - taken, now: Self.second)
        expectEqual(pace.isKept(bytesPerSecond: 100, now: 10 * Self.second), isKept)
    }

    @Test func bytesSentBetweenTwoReadingsDoNotCountAsTaken() {
        var pace = pace(untaken: 500, unsent: 100_000)
        for _ in 0..<10 {
            pace.check(untaken: 450, now: Self.second)
            pace.sent(untaken: 500)
        }
        #expect(pace.isKept(bytesPerSecond: 100, now: 5 * Self.second))
        #expect(!pace.isKept(bytesPerSecond: 100, now: 5 * Self.second + 1))
    }

    @Test func peerThatTookAllPendingBytesIsKept() {
        var pace = pace(untaken: 60, unsent: 0)
        pace.check(untaken: 0, now: Self.second)
        pace.sent(untaken: 1000)
        #expect(pace.isKept(bytesPerSecond: 100, now: 60 * Self.second))
    }

    /// The server did not send for so long, which is not the peer's fault.
    @Test func peerThatEmptiedTheKernelIsKept() {
        var pace = pace(untaken: 60, unsent: 100_000)
        pace.check(untaken: 0, now: Self.second)
        #expect(pace.isKept(bytesPerSecond: 100, now: 60 * Self.second))
    }

    @Test func peerIsBehindSinceItsLastProgress() {
        var pace = pace(untaken: 10_000, unsent: 90_000)
        expectEqual(pace.behindSince(bytesPerSecond: 100), 0)
        // All at once, and then nothing.
        pace.check(untaken: 2000, now: 3 * Self.second)
        pace.check(untaken: 2000, now: 9 * Self.second)
        expectEqual(pace.behindSince(bytesPerSecond: 100), 3 * Self.second)
    }

    @Test func peerIsBehindSinceItFellBelowTheRate() {
        var pace = pace(untaken: 10_000, unsent: 90_000)
        for second in 1...9 {
            pace.check(untaken: 10_000 - 10 * second, now: Int64(second) * Self.second)
        }
        expectEqual(pace.behindSince(bytesPerSecond: 100), Self.second / 10 * 9)
    }

    @Test func withoutKernelFiguresNothingCountsAsTaken() {
        var pace = pace(untaken: 60, unsent: 100_000)
        pace.check(untaken: -1, now: Self.second)
        pace.sent(untaken: -1)
        #expect(!pace.isKept(bytesPerSecond: 100, now: Self.second))
    }
}
