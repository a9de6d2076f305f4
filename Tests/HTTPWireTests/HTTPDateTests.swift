import HTTPWire
import TestSupport
import Testing

struct HTTPDateTests {
    /// Seconds since 1970 and their text, by `date -u -d @N`.
    static let table: [(Int, String)] = [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
        (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"),
        (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
    ]

    @Test(arguments: table)
    func secondsBecomeADate(_ seconds: Int, _ text: String) {
        var output: [UInt8] = []
        HTTPDate.append(seconds, to: &output)
        expectEqual(String(decoding: output, as: UTF8.self), text)
        expectEqual(output.count, HTTPDate.bytesCount)
    }
}
