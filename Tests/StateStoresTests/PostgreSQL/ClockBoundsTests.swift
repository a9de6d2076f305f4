// What exchanges prove about another clock: even, ahead or behind, whatever the delays.

import StatusCore
import TestSupport
import Testing

@testable import StateStores

@Suite("The store's clock is bounded by exchanges")
struct ClockBoundsTests {
    /// An exchange in milliseconds: sent and received locally, and the store's time in between.
    struct Exchange: Sendable {
        var sent: Int64
        var store: Int64
        var received: Int64
    }

    static func at(_ milliseconds: Int64) -> Instant {
        Instant(nanoseconds: milliseconds * 1_000_000)
    }

    static func take(_ exchange: Exchange, into bounds: inout ClockBounds) -> ClockBounds.Reading {
        bounds.take(
            at(exchange.store), sent: at(exchange.sent), received: at(exchange.received))
    }

    static let rows: [(Exchange, ClockBounds.Reading)] = [
        (Exchange(sent: 1000, store: 6001, received: 1002), .even),
        // A slow exchange proves nothing.
        (Exchange(sent: 1000, store: 6900, received: 2000), .even),
        (Exchange(sent: 1000, store: 6080, received: 1002), .even),
        (Exchange(sent: 1000, store: 6200, received: 1002), .ahead(by: .milliseconds(196))),
        (Exchange(sent: 1000, store: 5900, received: 1002), .behind(by: .milliseconds(99))),
        // However slow it was, it cannot have been read before it was requested.
        (Exchange(sent: 1000, store: 9000, received: 3000), .ahead(by: .milliseconds(998))),
    ]

    @Test(arguments: rows)
    func stepsAreDetectedForAnyDelay(_ exchange: Exchange, _ reading: ClockBounds.Reading) {
        var bounds = ClockBounds()
        // The store is 5 s ahead, give or take a millisecond.
        _ = Self.take(Exchange(sent: 0, store: 5001, received: 2), into: &bounds)
        let found = Self.take(exchange, into: &bounds)
        switch (found, reading) {
        case (.even, .even): break
        case (.ahead(let a), .ahead(let b)), (.behind(let a), .behind(let b)):
            // Drift widens the bounds by a millisecond in that second.
            #expect(abs((a - b) / .milliseconds(1)) <= 3)
        default: Issue.record("\(found)")
        }
    }

    @Test func driftIsFollowed() {
        var bounds = ClockBounds()
        for second in 0..<10_000 as Range<Int64> {
            let local = second * 1000
            // 400 ppm fast.
            let exchange = Exchange(
                sent: local, store: local + 5000 + second * 4 / 10, received: local + 1)
            expectEqual(Self.take(exchange, into: &bounds), .even)
        }
    }

    @Test func aClockThatWentAheadIsNotFollowedUntilItIsTrusted() {
        var bounds = ClockBounds()
        _ = Self.take(Exchange(sent: 0, store: 5001, received: 2), into: &bounds)
        for _ in 0..<2 {
            let found = Self.take(Exchange(sent: 10, store: 9000, received: 12), into: &bounds)
            #expect(found != .even)
        }
        _ = bounds.take(
            Self.at(9000), sent: Self.at(10), received: Self.at(12), isTrusted: true)
        expectEqual(
            Self.take(Exchange(sent: 20, store: 9010, received: 22), into: &bounds), .even)
    }

    @Test func noBoundIsLaterThanTheStoresTime() {
        var bounds = ClockBounds()
        #expect(bounds.earliest(at: Self.at(0)) == nil)
        _ = Self.take(Exchange(sent: 0, store: 5004, received: 10), into: &bounds)
        expectEqual(bounds.earliest(at: Self.at(100)), Self.at(5094))
    }

    /// The local clock is 500 ppm fast and the store's 500 ppm slow: after a fast exchange and ten
    /// seconds, a slow exchange does not show their difference.
    @Test func noBoundIsLaterThanTheStoresTimeWhenBothClocksDrift() {
        var bounds = ClockBounds()
        _ = Self.take(Exchange(sent: 0, store: 5000, received: 0), into: &bounds)
        _ = Self.take(Exchange(sent: 9_990, store: 14_990, received: 10_010), into: &bounds)
        let earliest = bounds.earliest(at: Self.at(10_000)) ?? .distantFuture
        #expect(earliest <= Self.at(14_990))
    }

    /// Two minutes between request and reply, in which two clocks can drift apart by 121 ms.
    @Test func aStoppedProcesssReadingIsAsOldAsItsRequest() {
        var bounds = ClockBounds()
        _ = Self.take(Exchange(sent: 0, store: 1, received: 121_000), into: &bounds)
        let next = Exchange(sent: 121_001, store: 121_122, received: 121_002)
        expectEqual(Self.take(next, into: &bounds), .even)
    }
}
