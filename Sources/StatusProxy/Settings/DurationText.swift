// Durations as written in settings: 500ms, 10s, 5m, 24h, 1m30s, 7d.

enum DurationText {
    static let form = "a duration like 500ms, 10s, 5m or 24h; 1m30s and 7d are taken, too"

    /// From long to short.
    private static let units: [(suffix: String, milliseconds: Int64)] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    private static let millisecondsMax: Int64 = 10 * 365 * 86_400_000

    /// Nil unless the text consists of whole numbers with units, from long to short, up to ten
    /// years.
    static func parse(_ text: String) -> Duration? {
        var rest = text.utf8[...]
        var left = units[...]
        var sum: Int64 = 0
        repeat {
            let digits = rest.prefix(while: isDigit)
            rest = rest.dropFirst(digits.count)
            let suffix = rest.prefix { !isDigit($0) }
            rest = rest.dropFirst(suffix.count)
            guard let number = Int64(String(decoding: digits, as: UTF8.self)),
                let index = left.firstIndex(where: { $0.suffix.utf8.elementsEqual(suffix) })
            else { return nil }
            let (part, overflows) = number.multipliedReportingOverflow(by: left[index].milliseconds)
            guard !overflows, part <= millisecondsMax - sum else { return nil }
            sum += part
            left = left[(index + 1)...]
        } while !rest.isEmpty
        return .milliseconds(sum)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    /// The duration in the longest unit in which it is whole, up to hours.
    static func format(_ span: Duration) -> String {
        let milliseconds =
            span.components.seconds * 1000
            + span.components.attoseconds / 1_000_000_000_000_000
        for unit in units[1...3] where milliseconds > 0 && milliseconds % unit.milliseconds == 0 {
            return "\(milliseconds / unit.milliseconds)\(unit.suffix)"
        }
        return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
    }
}
