// Quotas of wrong keys: tables of instants and networks.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct FailedKeysTests {
    private let start = Instant(nanoseconds: 5_000_000_000)

    @Test func quotaBelongsToTheNetworkAndRefillsSteadily() {
        var failed = FailedKeys()
        for _ in 0..<FailedKeys.perSecond { #expect(failed.take("10.0.0.1", now: start) == nil) }
        let opensAt = start + .milliseconds(20)
        expectEqual(failed.take("10.0.0.1", now: start), opensAt)
        #expect(failed.take("10.0.0.2", now: start) == nil)
        #expect(failed.take("10.0.0.1", now: opensAt) == nil)
        #expect(failed.take("10.0.0.1", now: opensAt) != nil)
    }

    @Test func networksBeyondTheBoundCountAsOne() {
        var failed = FailedKeys()
        for number in 0..<FailedKeys.networksMax {
            #expect(failed.take("n\(number)", now: start) == nil)
        }
        for number in 0..<FailedKeys.perSecond {
            #expect(failed.take("late\(number)", now: start) == nil)
        }
        expectEqual(failed.take("late", now: start), start + .milliseconds(20))
        // Known networks keep their own quotas.
        #expect(failed.take("n0", now: start) == nil)
        // A quota that is full again is forgotten, and makes room.
        let later = start + .seconds(1)
        for _ in 0..<FailedKeys.perSecond { #expect(failed.take("late", now: later) == nil) }
        expectEqual(failed.take("late", now: later), later + .milliseconds(20))
        #expect(failed.take("later", now: later) == nil)
    }
}
