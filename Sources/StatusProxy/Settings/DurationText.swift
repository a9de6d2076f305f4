// Spans as people write them in settings: 500ms, 10s, 5m, 24h.

enum DurationText {
    static let form = "a duration like 500ms, 10s, 5m or 24h"

    /// Units from long to short; "ms" is looked for before "s" and "m".
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("ms", 1), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
    ]

    /// Nil unless it is a whole number and a unit, up to ten years.
    static func parse(_ text: String) -> Duration? {
        for unit in units where text.hasSuffix(unit.suffix) {
            let digits = text.dropLast(unit.suffix.count)
            guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int64(digits)
            else { return nil }
            let (milliseconds, overflow) = number.multipliedReportingOverflow(by: unit.milliseconds)
            guard !overflow, milliseconds <= 10 * 365 * 86_400_000 else { return nil }
            return .milliseconds(milliseconds)
        }
        return nil
    }

    /// The longest unit in which the span is whole.
    static func format(_ span: Duration) -> String {
        let milliseconds =
            span.components.seconds * 1000
            + span.components.attoseconds / 1_000_000_000_000_000
        for unit in [units[1], units[2], units[3]]
        where milliseconds > 0 && milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }
}
