// Dates in HTTP fields: converts the three forms of RFC 9110, 5.6.7 to wall time.

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
/// `Sun Nov  6 08:49:37 1994`.
enum HTTPDate {
    /// `now` determines the century of a two-digit year.
    static func parse(_ text: String, now: WallTime) -> WallTime? {
        let parts = text.split { $0 == " " || $0 == "," || $0 == "-" }
        switch parts.count {
        // Weekday, day, month, year, time, GMT.
        case 6 where parts[5] == "GMT" || parts[5] == "UTC":
            return time(day: parts[1], month: parts[2], year: parts[3], clock: parts[4], now)
        // Weekday, month, day, time, year.
        case 5:
            return time(day: parts[2], month: parts[1], year: parts[4], clock: parts[3], now)
        default:
            return nil
        }
    }

    private static func time(
        day: Substring, month: Substring, year: Substring, clock: Substring, _ now: WallTime
    ) -> WallTime? {
        var clock = DigitCursor(clock)
        guard let day = number(day, digits: 1...2), let year = self.year(year, now),
            let month = months.firstIndex(of: month.lowercased()),
            let hour = clock.number(digits: 2), clock.skip(":"),
            let minute = clock.number(digits: 2), clock.skip(":"),
            let second = clock.number(digits: 2), clock.isAtEnd
        else { return nil }
        return CivilTime(
            year: year, month: Int64(month) + 1, day: day,
            hour: hour, minute: minute, second: second)?.wallTime
    }

    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// Two digits that seem more than 50 years ahead mean the century before (RFC 9110, 5.6.7).
    private static func year(_ text: Substring, _ now: WallTime) -> Int64? {
        guard text.utf8.count == 2 else { return number(text, digits: 4...4) }
        guard let short = number(text, digits: 2...2) else { return nil }
        let thisYear = CivilTime(now).year
        let year = thisYear - thisYear % 100 + short
        return year > thisYear + 50 ? year - 100 : year
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
        var cursor = DigitCursor(text)
        guard let number = cursor.number(digits: digits), cursor.isAtEnd else { return nil }
        return number
    }
}
