// Compares numbers and texts written by the hot path with the standard library's.

import HTTPWire
import TestSupport
import Testing

@Suite struct OutputCursorTests {
    private func written(_ write: (inout OutputCursor) -> Void) -> String {
        var bytes = Array("<".utf8)
        bytes.append(bytesMax: 64, write)
        return String(decoding: bytes.dropFirst(), as: UTF8.self)
    }

    @Test(arguments: [
        0, 1, 9, 10, 99, 100, 9_999, 10_000, 12_345, 999_999, 1_000_000, 99_999_999, 100_000_000,
        -1, -10, -987_654, .max, .min + 1, .min,
    ])
    func integersAreWrittenInDecimal(number: Int) {
        expectEqual(written { $0.append(decimal: number) }, String(number))
    }

    @Test(arguments: [
        0, 1, 0x9A, 0xDEAD_BEEF, 0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, .max,
    ])
    func hexadecimalNumbersHaveSixteenDigits(number: UInt64) {
        let digits = String(number, radix: 16)
        let padded = String(repeating: "0", count: 16 - digits.count) + digits
        expectEqual(written { $0.append(hexadecimal: number) }, padded)
    }

    @Test func everyPartOfANumberIsSplitExactly() {
        for part in 0..<10_000 {
            let number = part * 10_000 + (9_999 - part)
            expectEqual(written { $0.append(decimal: number) }, String(number))
        }
    }

    @Test func fractionsKeepTheirLeadingZeros() {
        expectEqual(written { $0.append(digits: 42, count: 6) }, "000042")
        expectEqual(written { $0.append(digits: 7, count: 3) }, "007")
        expectEqual(written { $0.append(digits: 98_765_432, count: 8) }, "98765432")
        expectEqual(written { $0.append(digits: 1234, count: 2) }, "34")
    }

    @Test func whatIsWrittenOverAnArrayIsCounted() {
        var bytes = Array("an earlier line\n".utf8)
        let count = bytes.overwrite { $0.append("a line\n") }
        expectEqual(count, 7)
        expectEqual(String(decoding: bytes, as: UTF8.self), "a line\nier line\n")
    }

    @Test func piecesFollowEachOther() {
        let name = "later"
        let text = written {
            $0.append("first, ")
            $0.append([UInt8]("second, ".utf8).span)
            $0.append(name)
        }
        expectEqual(text, "first, second, later")
    }
}
