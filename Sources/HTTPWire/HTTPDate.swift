// Formats the Date field from seconds since 1970.

/// IMF-fixdate (RFC 9110 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT".
public enum HTTPDate {
    public static let bytesCount = 29

    /// Appends the 29 bytes of the date.
    public static func append(_ secondsSince1970: Int, to output: inout [UInt8]) {
        let days = Int((Double(secondsSince1970) / 86_400).rounded(.down))
        let second = secondsSince1970 - days * 86_400
        let (year, month, day) = civil(days)
        appendName("ThuFriSatSunMonTueWed", (days % 7 + 7) % 7, to: &output)
        output.append(UInt8(ascii: ","))
        output.append(.space)
        appendDigits(day, 2, to: &output)
        output.append(.space)
        appendName("JanFebMarAprMayJunJulAugSepOctNovDec", month - 1, to: &output)
        output.append(.space)
        appendDigits(year, 4, to: &output)
        output.append(.space)
        appendDigits(second / 3600, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        appendDigits(second / 60 % 60, 2, to: &output)
        output.append(UInt8(ascii: ":"))
        appendDigits(second % 60, 2, to: &output)
        output.append(contentsOf: [.space, 0x47, 0x4D, 0x54])
    }

    private static func appendName(_ names: StaticString, _ index: Int, to output: inout [UInt8]) {
        for offset in 0..<3 { output.append(names.utf8Start[index * 3 + offset]) }
    }

    private static func appendDigits(_ number: Int, _ width: Int, to output: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            output.append(0x30 + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }

    /// The proleptic Gregorian date of a day counted from 1970-01-01, computed in eras of 400 years
    /// that begin on 1 March, so that the leap day comes last.
    static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, day)
    }
}
