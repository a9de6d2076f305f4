// Spans of the store's time by which calls are counted, so that budgets need not walk a day of them.

import StatusCore

/// Calls are counted by the period of their end: a day has 629, and a full minute budget of 600
/// puts some 1400 calls into one. Counting, or finding the n-th latest, reads counts and one period.
enum CallPeriod {
    /// A period is 2^37 ns, 137 s: SQL divides by shifting, which rounds down under zero, too.
    static let shift = 37

    static func number(of moment: Instant) -> Int64 { moment.nanoseconds >> shift }
}
