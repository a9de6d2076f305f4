// The difference between the shared store's clock and the local one: exchanges come in, bounds and
// steps go out.

import StatusCore

/// Two bounds of the difference "store's time minus local time", which hold for any delay: the
/// store read its clock after the request was sent and before the reply arrived.
///
/// So a step of the store's clock is detected even on a slow network, and one that exceeds the
/// margin for slew (100 ms) is never taken for elapsed time.
struct ClockBounds: Equatable {
    private var low = Duration.zero
    private var high = Duration.zero
    private var takenAt: Instant?

    /// The result of an exchange for the store's clock.
    enum Reading: Equatable {
        case even
        case ahead(by: Duration)
        case behind(by: Duration)
    }

    static let stepMax = Duration.milliseconds(80)
    /// Either clock drifts by up to 500 ppm, so the two drift apart by up to a thousandth of the time.
    private static let driftShare = 1000

    /// Records that the store's clock was `time` in the reply to a request of `sent`. A clock that
    /// went ahead is not followed, unless `isTrusted`; one that fell behind is, since it opens
    /// nothing early.
    mutating func take(
        _ time: Instant, sent: Instant, received: Instant, isTrusted: Bool = false
    ) -> Reading {
        let (newLow, newHigh) = (time - received, time - sent)
        // The bounds are as old as the request, since a process can be stopped until the reply.
        defer { takenAt = takenAt ?? sent }
        guard let takenAt, !isTrusted else {
            (low, high, self.takenAt) = (newLow, newHigh, sent)
            return .even
        }
        let drift = max(.zero, received - takenAt) / Self.driftShare
        if newLow > high + drift + Self.stepMax { return .ahead(by: newLow - high) }
        self.takenAt = sent
        let distance = low - newHigh
        let isApart = newHigh < low - drift || newLow > high + drift
        low = isApart ? newLow : max(low - drift, newLow)
        high = isApart ? newHigh : min(high + drift, newHigh)
        return distance > drift + Self.stepMax ? .behind(by: distance) : .even
    }

    /// The store's time at a local one, or a little before; nil before the first exchange.
    func earliest(at local: Instant) -> Instant? { takenAt.map { _ in local + low } }

    /// The offset from local times to the store's, or a little more.
    var offset: Duration { high }
}
