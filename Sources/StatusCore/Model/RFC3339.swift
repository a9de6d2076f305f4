// Times in JSON: converts RFC 3339 texts to wall time and back.

/// Reads and writes `2026-11-01T10:02:00.010Z`.
public enum RFC3339 {
    /// The time of the text; nil if it has another form.
    ///
    /// Accepts 0 to 9 fraction digits (truncated to milliseconds), `Z` or an offset, letters of
    /// either case.
    public static func parse(_ text: String) -> WallTime? {
        var cursor = DigitCursor(text)
        guard let year = cursor.number(digits: 4), cursor.skip("-"),
            let month = cursor.number(digits: 2), cursor.skip("-"),
            let day = cursor.number(digits: 2), cursor.skip("T") || cursor.skip("t"),
            let hour = cursor.number(digits: 2), cursor.skip(":"),
            let minute = cursor.number(digits: 2), cursor.skip(":"),
            let second = cursor.number(digits: 2),
            let millisecond = fraction(&cursor),
            let offset = offset(&cursor), cursor.isAtEnd,
            let local = CivilTime(
                year: year, month: month, day: day,
                hour: hour, minute: minute, second: second, millisecond: millisecond)
        else { return nil }
        return local.wallTime + .seconds(-60 * offset)
    }

    /// UTC with three fraction digits. A time outside the years 0000 to 9999 is clamped.
    public static func format(_ time: WallTime) -> String {
        let time = CivilTime(min(max(time, earliest), latest))
        return String(unsafeUninitializedCapacity: form.utf8CodeUnitCount) { text in
            _ = text.initialize(
                fromContentsOf: UnsafeBufferPointer(
                    start: form.utf8Start, count: form.utf8CodeUnitCount))
            write(time.year, in: 0..<4, of: text)
            write(time.month, in: 5..<7, of: text)
            write(time.day, in: 8..<10, of: text)
            write(time.hour, in: 11..<13, of: text)
            write(time.minute, in: 14..<16, of: text)
            write(time.second, in: 17..<19, of: text)
            write(time.millisecond, in: 20..<23, of: text)
            return form.utf8CodeUnitCount
        }
    }

    private static let form: StaticString = "0000-00-00T00:00:00.000Z"

    /// Writes the number's last digits.
    private static func write(
        _ number: Int64, in places: Range<Int>, of text: UnsafeMutableBufferPointer<UInt8>
    ) {
        var rest = UInt64(number)
        for place in places.reversed() {
            text[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    /// 0000-01-01T00:00:00.000Z.
    private static let earliest = WallTime(milliseconds: -62_167_219_200_000)
    /// 9999-12-31T23:59:59.999Z.
    private static let latest = WallTime(milliseconds: 253_402_300_799_999)

    /// Milliseconds; 0 without a fraction, nil for a bad one.
    private static func fraction(_ cursor: inout DigitCursor) -> Int64? {
        guard cursor.skip(".") else { return 0 }
        let digits = cursor.digits()
        guard (1...9).contains(digits.count) else { return nil }
        return (digits + [0, 0]).prefix(3).reduce(0) { $0 * 10 + $1 }
    }

    /// Minutes east of Greenwich.
    private static func offset(_ cursor: inout DigitCursor) -> Int64? {
        if cursor.skip("Z") || cursor.skip("z") { return 0 }
        let isEast = cursor.skip("+")
        guard isEast || cursor.skip("-"),
            let hours = cursor.number(digits: 2), hours < 24, cursor.skip(":"),
            let minutes = cursor.number(digits: 2), minutes < 60
        else { return nil }
        return (isEast ? 1 : -1) * (hours * 60 + minutes)
    }
}
