// Compares the counts of budgets with calls that are kept one by one.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("Counted calls never open a window too early, and open it a bucket late at most")
struct CallCountsTests {
    private let unknown = CallClasses(isUnknown: true)

    /// Random calls that are entered with their latest possible end and moved to the real one, or not.
    @Test(arguments: 1...10)
    func bucketsOpenWindowsAtMostABucketLater(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        var counts = CallCounts()
        var ends: [Instant] = []
        var now = Instant(nanoseconds: -50_000_000_000)
        for _ in 0..<200 {
            now = now + .milliseconds(Int.random(in: 0...3000, using: &random))
            let latest = now + .milliseconds(Int.random(in: 0...13_000, using: &random))
            counts.add(latest, CallClasses(), now: now)
            if Bool.random(using: &random) {
                counts.remove(latest, CallClasses())
                counts.add(now, CallClasses(), now: now)
                ends.append(now)
            } else {
                ends.append(latest)
            }
            let limit = Int.random(in: 1...60, using: &random)
            for window in [BudgetWindow.minute(limit), .day(limit)] {
                let sorted = ends.sorted().suffix(limit)
                let exact = sorted.count < limit ? nil : sorted.first
                let opens = exact.map { max(.zero, $0 + window.span.length - now) } ?? .zero
                let counted = max(.zero, counts.opensIn(window, at: now))
                #expect(counted >= opens && counted - opens <= window.span.bucket)
                let rest = ends.count { $0 + window.span.length > now }
                #expect(counts.left(of: window, at: now) <= max(0, limit - rest))
            }
        }
    }

    @Test func aDayOfCallsNeedsNoMoreMemoryThanItsBuckets() throws {
        var counts = CallCounts()
        var now = Instant(nanoseconds: 0)
        for _ in 0..<5000 {
            now = now + .seconds(20)
            counts.add(now, unknown, now: now)
        }
        let counter = try #require(counts.counters[.unknown])
        #expect(counter.minute.buckets.count <= 5 && counter.day.buckets.count <= 98)
        #expect(counts.bytes.count < 2500)
    }

    @Test func bytesRoundTrip() {
        var counts = CallCounts()
        let holder = CallClasses(isUnknown: true, wasNotFound: true, holder: "größe")
        for (end, classes) in [
            (-7, holder), (3, unknown), (90_000, holder), (90_001, CallClasses()),
        ] {
            let end = Instant(nanoseconds: Int64(end) * 1_000_000_000)
            counts.add(end, classes, now: Instant(nanoseconds: 0))
        }
        expectEqual(CallCounts(bytes: counts.bytes), counts)
        expectEqual(CallCounts(bytes: CallCounts().bytes), CallCounts())
        for count in 0..<counts.bytes.count {
            #expect(CallCounts(bytes: Array(counts.bytes.prefix(count))) != counts)
        }
        #expect(CallCounts(bytes: [2]) == nil && CallCounts(bytes: []) == nil)
    }

    /// Further key holders share one holder's part, until the others have requested nothing for a day.
    @Test func keyHoldersBeyondTheBoundShareOneClass() {
        var counts = CallCounts()
        let now = Instant(nanoseconds: 0)
        for number in 0..<CallCounts.holdersMax {
            expectEqual(counts.counted("holder \(number)"), "holder \(number)")
            counts.add(now, CallClasses(isUnknown: true, holder: "holder \(number)"), now: now)
        }
        expectEqual(counts.counted("holder 3"), "holder 3")
        expectEqual(counts.counted("another"), CallCounts.otherHolders)
        let later = now + BudgetSpan.day.length
        counts.forgetHolders(at: later - .nanoseconds(1))
        expectEqual(counts.counted("another"), CallCounts.otherHolders)
        counts.forgetHolders(at: later)
        expectEqual(counts.counted("another"), "another")
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
