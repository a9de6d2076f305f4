// The table of upstream behaviours: what the upstream and the callers may see in each case.

import Foundation

/// One row of the table. Everything is scaled: the interval is 2 s.
struct CallRow: Sendable {
    var name: String
    /// The upstream's fault; nil: none.
    var fault: String?
    /// Whether the action has been answered before the fault begins.
    var isWarm = true
    /// The answers that callers may get.
    var statuses: Set<Int> = [200]
    /// The most calls; nil: as many as the interval allows.
    var callsMax: Int?
    /// No caller is held that long; nil: not checked.
    var heldLess: Duration?
    var settings: [String: String] = [:]

    static let interval = 2.0
    /// The crowd's size and duration. `scripts/ordeal` increases both; the checks stay the same.
    static let callers = number("CALL_LIMIT_CALLERS") ?? 10
    static let span = Duration.seconds(number("CALL_LIMIT_SECONDS") ?? 6)
    static let every = Duration.milliseconds(200)

    private static func number(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment[name].flatMap { Int($0) }
    }

    /// Calls that the interval allows in a span, and one more for its beginning.
    static func allowed(_ seconds: Double) -> Int { Int(seconds / interval) + 1 }

    /// Rows A to G of the contract's table; a restart (H) has its own test.
    static let contract = [
        CallRow(name: "A healthy"),
        CallRow(name: "B warm, 500", fault: #"{"kind":"status","status":500}"#),
        CallRow(name: "C warm, connections reset", fault: #"{"kind":"reset"}"#),
        // Later than the crowd stays: a caller who waited for it would not return in time.
        CallRow(
            name: "D warm, upstream slow", fault: #"{"kind":"delay","milliseconds":12000}"#,
            callsMax: 3, heldLess: .seconds(10), settings: ["ORDERS_TIMEOUT": "20s"]),
        CallRow(
            name: "E cold, 500", fault: #"{"kind":"status","status":500}"#, isWarm: false,
            statuses: [502, 503]),
        CallRow(
            name: "F cold, 404", fault: #"{"kind":"status","status":404}"#, isWarm: false,
            statuses: [404]),
        CallRow(
            name: "G cold, connections reset", fault: #"{"kind":"reset"}"#, isWarm: false,
            statuses: [502, 503]),
    ]

    static let further = [
        CallRow(name: "hangs", fault: #"{"kind":"hang"}"#),
        CallRow(
            name: "cold, hangs", fault: #"{"kind":"hang"}"#, isWarm: false, statuses: [503, 504]),
        CallRow(name: "HTML with 200", fault: #"{"kind":"html"}"#),
        CallRow(name: "401", fault: #"{"kind":"status","status":401}"#),
        CallRow(
            name: "429 with Retry-After",
            fault: #"{"kind":"status","status":429,"retry_after":3}"#),
        CallRow(name: "closes reused connections", fault: #"{"kind":"close-reused"}"#),
        CallRow(name: "resets reused connections", fault: #"{"kind":"reset-reused"}"#),
        CallRow(name: "half answers", fault: #"{"kind":"half"}"#),
        CallRow(
            name: "late and at once in turns",
            fault: #"{"kind":"alternate-delay","milliseconds":1200}"#),
    ]
}
