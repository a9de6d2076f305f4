// A monotonic clock with an error.

@testable import StatusCore

/// Runs from an offset, a little too fast or too slow.
struct DriftingClock {
    var offset: Duration
    /// In parts per million; a clock that is being slewed is off by up to 500.
    var drift: Int64

    static let driftMax: Int64 = 500

    init(_ random: inout SimRandom) {
        offset = random.span(.zero, .seconds(1_000_000))
        drift = Int64(random.below(Int(2 * Self.driftMax + 1))) - Self.driftMax
    }

    /// The reading at a true time.
    func shows(_ time: Instant) -> Instant {
        time + offset + .nanoseconds(time.nanoseconds / 1_000_000 * drift)
    }

    /// The first true time at which it shows `local` or later, within a microsecond.
    func time(showing local: Instant) -> Instant {
        let shown = (local - offset).nanoseconds
        return Instant(nanoseconds: shown - shown / (1_000_000 + drift) * drift)
    }
}
