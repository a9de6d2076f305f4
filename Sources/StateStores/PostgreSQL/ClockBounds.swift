// Where the shared store's clock stands against the local one: exchanges in, bounds and steps out.

import StatusCore

/// Two bounds of the difference "store's time minus local time", which no delay can falsify: the store
/// read its clock after the request was sent and before the reply came.
///
/// So a step of the store's clock shows even on a slow network, and one that is larger than what
/// spacing leaves for slew (100 ms) never passes for time.
struct ClockBounds: Equatable {
    private var low = Duration.zero
    private var high = Duration.zero
    private var takenAt: Instant?

    /// What an exchange says of the store's clock.
    enum Reading: Equatable {
        case even
        case ahead(by: Duration)
        case behind(by: Duration)
    }

    static let stepMax = Duration.milliseconds(80)
    /// Either clock drifts by up to 500 ppm, so the two drift apart by up to a thousandth of the time.
    private static let driftShare = 1000

    /// Takes in that the store showed `time` in reply to what was sent at `sent`. A clock that went
    /// ahead is not followed, unless `isTrusted`; one that fell behind is: it opens nothing early.
    mutating func take(
        _ time: Instant, sent: Instant, received: Instant, isTrusted: Bool = false
    ) -> Reading {
        let (newLow, newHigh) = (time - received, time - sent)
        // What is known is as old as the question: a process can be stopped until the answer.
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

    /// What is added to local times to get the store's, or a little more.
    var offset: Duration { high }
}
