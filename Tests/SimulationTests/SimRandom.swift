// The only source of randomness of a simulated run.

@testable import StatusCore

/// Random numbers from a seed: the same seed gives the same run.
struct SimRandom {
    private var generator: SplitMix64

    init(seed: UInt64) { generator = SplitMix64(seed: seed) }

    /// Random numbers for another purpose, which leave this sequence unchanged.
    func fork(_ salt: UInt64) -> SimRandom {
        var copy = self
        return SimRandom(seed: copy.seed() ^ salt)
    }

    mutating func seed() -> UInt64 { generator.next() }

    /// 0 ..< `limit`.
    mutating func below(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }

    mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True in that many cases of a thousand.
    mutating func permille(_ share: Int) -> Bool { below(1000) < share }

    /// The same, from a fork that is used for nothing else.
    func permilleOnce(_ share: Int) -> Bool {
        var copy = self
        return copy.permille(share)
    }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    mutating func span(_ low: Duration, _ high: Duration) -> Duration {
        let (low, high) = (low.nanoseconds, high.nanoseconds)
        guard high > low else { return .nanoseconds(low) }
        return .nanoseconds(low + Int64(generator.next() % UInt64(high - low)))
    }

    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration {
        span(.milliseconds(range.lowerBound), .milliseconds(range.upperBound))
    }
}
