// The calendar: converts dates and times of day in UTC to and from the wall clock, and reads their
// digits.

/// A proleptic Gregorian date and time of day, UTC.
struct CivilTime: Equatable {
    let year: Int64
    let month: Int64
    let day: Int64
    var hour: Int64 = 0
    var minute: Int64 = 0
    /// 60 is a leap second, which counts as the first second of the next minute.
    var second: Int64 = 0
    var millisecond: Int64 = 0

    /// Nil for an invalid date or time. Years 0…9999, since all formats have four digits.
    init?(
        year: Int64, month: Int64, day: Int64,
        hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0, millisecond: Int64 = 0
    ) {
        guard (0...9999).contains(year), (1...12).contains(month),
            (1...Self.days(inMonth: month, of: year)).contains(day),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second),
            (0...999).contains(millisecond)
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        (self.hour, self.minute) = (hour, minute)
        (self.second, self.millisecond) = (second, millisecond)
    }

    /// Any wall time has a date; its year can be outside 0…9999.
    init(_ time: WallTime) {
        let (days, rest) = Self.divide(time.milliseconds, by: 86_400_000)
        (year, month, day) = Self.date(daysSinceEpoch: days)
        hour = rest / 3_600_000
        minute = rest / 60_000 % 60
        second = rest / 1000 % 60
        millisecond = rest % 1000
    }

    var wallTime: WallTime {
        let days = Self.daysSinceEpoch(year: year, month: month, day: day)
        let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second
        return WallTime(milliseconds: seconds * 1000 + millisecond)
    }

    // MARK: Days

    private static func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
        let earlierMonths = (1..<month).reduce(0) { $0 + days(inMonth: $1, of: year) }
        return daysBefore(year: year) - daysBefore(year: 1970) + earlierMonths + day - 1
    }

    private static func date(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let days = daysSinceEpoch + daysBefore(year: 1970)
        // 400 years have 146,097 days; leap days make the guess at most one year too high or low.
        var year = divide(days * 400, by: 146_097).quotient + 1
        while daysBefore(year: year) > days { year -= 1 }
        while daysBefore(year: year + 1) <= days { year += 1 }
        var rest = days - daysBefore(year: year)
        var month: Int64 = 1
        while rest >= Self.days(inMonth: month, of: year) {
            rest -= Self.days(inMonth: month, of: year)
            month += 1
        }
        return (year, month, rest + 1)
    }

    /// Days from 0001-01-01 to the first day of that year; negative before.
    private static func daysBefore(year: Int64) -> Int64 {
        let whole = year - 1
        return whole * 365 + divide(whole, by: 4).quotient - divide(whole, by: 100).quotient
            + divide(whole, by: 400).quotient
    }

    private static func days(inMonth month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func isLeap(_ year: Int64) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }

    /// Division that rounds down, so that times before 1970 have a remainder from 0 too.
    private static func divide(
        _ number: Int64, by divisor: Int64
    ) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = number.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }
}

/// Reads ASCII digits and the separators between them.
struct DigitCursor {
    private var rest: Substring.UTF8View

    init(_ text: some StringProtocol) { rest = Substring(text).utf8 }

    var isAtEnd: Bool { rest.isEmpty }

    /// Skips that separator if it is here.
    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
        guard rest.first == UInt8(ascii: mark) else { return false }
        rest.removeFirst()
        return true
    }

    /// All consecutive digits here, each as its value.
    mutating func digits() -> [Int64] {
        let digits = rest.prefix { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }
        rest = rest.dropFirst(digits.count)
        return digits.map { Int64($0 - UInt8(ascii: "0")) }
    }

    /// A number with that many digits; nil if there are more or fewer.
    mutating func number(digits range: ClosedRange<Int>) -> Int64? {
        let digits = digits()
        guard range.contains(digits.count) else { return nil }
        return digits.reduce(0) { $0 * 10 + $1 }
    }

    mutating func number(digits count: Int) -> Int64? {
        number(digits: count...count)
    }
}
