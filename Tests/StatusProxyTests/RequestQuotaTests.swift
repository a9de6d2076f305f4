// A caller's quota as a table of instants.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct RequestQuotaTests {
    private func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
    }

    @Test(arguments: [1, 2, 3, 7, 10, 999, 1_000_000])
    func aSecondsWorthMayComeAtOnce(perSecond: Int) {
        var quota = RequestQuota(perSecond: perSecond)
        var taken = 0
        while taken <= perSecond, quota.take(now: at(0)) == nil { taken += 1 }
        expectEqual(taken, perSecond)
    }

    @Test func quotaFillsSteadily() {
        var quota = RequestQuota(perSecond: 2)
        #expect(quota.take(now: at(0)) == nil)
        #expect(quota.take(now: at(0)) == nil)
        expectEqual(quota.take(now: at(0)), at(500))
        expectEqual(quota.take(now: at(499)), at(500))
        #expect(quota.take(now: at(500)) == nil)
        expectEqual(quota.take(now: at(500)), at(1000))
        // A pause fills it, but no further.
        #expect(quota.take(now: at(9000)) == nil)
        #expect(quota.take(now: at(9000)) == nil)
        expectEqual(quota.take(now: at(9000)), at(9500))
    }

    /// A caller that keeps to the quota gets what was promised.
    @Test(arguments: [1, 3, 10, 250])
    func requestAtTheNamedTimeIsAccepted(perSecond: Int) {
        var quota = RequestQuota(perSecond: perSecond)
        var now = at(0)
        for _ in 0..<2000 {
            guard let retryAt = quota.take(now: now) else { continue }
            #expect(retryAt > now)
            now = retryAt
            #expect(quota.take(now: now) == nil)
        }
    }

    /// However requests arrive, a window holds at most a full bucket and its refill.
    @Test(arguments: [1, 5, 40])
    func noWindowHoldsMoreThanTheQuota(perSecond: Int) {
        var quota = RequestQuota(perSecond: perSecond)
        var random = SystemRandomNumberGenerator()
        var now: Int64 = 0
        var taken: [Int64] = []
        for _ in 0..<5000 {
            now += Int64.random(in: 0...(2000 / Int64(perSecond)), using: &random)
            if quota.take(now: at(now)) == nil { taken.append(now) }
        }
        for (index, start) in taken.enumerated() {
            let inWindow = taken[index...].prefix { $0 < start + 3000 }.count
            #expect(inWindow <= 4 * perSecond)
        }
    }
}
