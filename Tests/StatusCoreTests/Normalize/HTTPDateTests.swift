import TestSupport
import Testing

@testable import StatusCore

@Suite struct HTTPDateTests {
    private let now = NormalizeFixtures.now

    @Test(arguments: [
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994", "Sun, 06 nov 1994 08:49:37 UTC", "Sun, 6 Nov 1994 08:49:37 GMT",
    ])
    func theThreeFormsAreRead(text: String) {
        expectEqual(HTTPDate.parse(text, now: now), WallTime(milliseconds: 784_111_777_000))
    }

    @Test(arguments: [
        ("26", "2026"), ("76", "2076"), ("77", "1977"), ("99", "1999"), ("00", "2000"),
    ])
    func yearOfTwoDigitsIsAtMostFiftyYearsAhead(short: String, year: String) throws {
        let time = try #require(HTTPDate.parse("Sunday, 06-Nov-\(short) 00:00:00 GMT", now: now))
        #expect(RFC3339.format(time).hasPrefix(year))
    }

    @Test(arguments: [
        "", "GMT", "06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 PST",
        "Sun, 06 Nov 1994 08:49:37 +0000", "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 994 08:49:37 GMT",
        "Sun, xx Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z", ", , , , ,", "a b c d e",
        "a b c d e GMT",
    ])
    func otherTextIsNoDate(text: String) {
        #expect(HTTPDate.parse(text, now: now) == nil)
    }
}
