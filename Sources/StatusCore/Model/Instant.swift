// Points in time. The tracker uses a monotonic local clock; the wall clock is only for people, and
// for times from upstreams.

/// A point on the process's monotonic clock, in nanoseconds. Never steps, counts while suspended.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let distantPast = Instant(nanoseconds: .min / 4)
    public static let distantFuture = Instant(nanoseconds: .max / 4)

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    public static func + (a: Instant, span: Duration) -> Instant {
        Instant(nanoseconds: a.nanoseconds + span.nanoseconds)
    }

    public static func - (a: Instant, span: Duration) -> Instant {
        Instant(nanoseconds: a.nanoseconds - span.nanoseconds)
    }

    public static func - (a: Instant, b: Instant) -> Duration {
        .nanoseconds(a.nanoseconds - b.nanoseconds)
    }
}

/// A point on the wall clock: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
public struct WallTime: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }

    public static func + (a: WallTime, span: Duration) -> WallTime {
        WallTime(milliseconds: a.milliseconds + span.nanoseconds / 1_000_000)
    }

    public static func - (a: WallTime, b: WallTime) -> Duration {
        .milliseconds(a.milliseconds - b.milliseconds)
    }
}

extension Duration {
    /// The duration in nanoseconds, clamped to a quarter of `Int64`'s range (73 years).
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let limit = Int64.max / 4_000_000_000
        guard seconds < limit else { return .max / 4 }
        guard seconds > -limit else { return .min / 4 }
        return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    /// Whole seconds, rounded up, as for `Retry-After` and `max-age`; at least 0.
    public var secondsRoundedUp: Int {
        max(0, Int((nanoseconds + 999_999_999) / 1_000_000_000))
    }

    /// The duration, clamped to `low` … `high`.
    public func clamped(_ low: Duration, _ high: Duration) -> Duration {
        self < low ? low : (self > high ? high : self)
    }
}
