// Durations and sizes as written in settings: 500ms, 10s, 5m, 24h, 1m30s, 7d; 64MiB, 1GiB.

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

/// Sizes as written in settings: 64MiB, 1GiB.
enum SizeText {
    static let form = "a size like 512KiB, 64MiB or 1GiB"

    private static let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)]
    private static let most = 1 << 40

    /// Nil unless the text is a whole number with a unit, up to 1024 GiB.
    static func parse(_ text: String) -> Int? {
        guard let (suffix, unit) = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
        let digits = text.dropLast(suffix.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(digits), number <= most / unit
        else { return nil }
        return number * unit
    }

    /// The size in the largest unit in which it is whole.
    static func format(_ size: Int) -> String {
        for (suffix, unit) in units where size > 0 && size % unit == 0 {
            return "\(size / unit)\(suffix)"
        }
        return "\(size)"
    }
}
