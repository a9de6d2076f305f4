import TestSupport
import Testing

@testable import StatusAPI

struct HexadecimalTests {
    private func number(_ text: String) -> UInt64? {
        let bytes = Array(text.utf8)
        return bytes.span.hexadecimal(0..<bytes.count)
    }

    @Test(
        arguments: [
            ("0", 0), ("f", 15), ("00", 0), ("ff", 255),
            ("0123456789abcdef", 0x0123_4567_89AB_CDEF),
            ("ffffffffffffffff", .max), ("89abcdef0", 0x8_9ABC_DEF0),
        ] as [(String, UInt64)])
    func digitsAreRead(text: String, value: UInt64) {
        expectEqual(number(text), value)
    }

    /// Every byte at every position of a word and after one.
    @Test(arguments: 0..<10)
    func otherTextIsNoNumber(place: Int) {
        for byte in UInt8.min ... .max {
            var bytes = [UInt8](repeating: UInt8(ascii: "7"), count: 10)
            bytes[place] = byte
            let isDigit = Array("0123456789abcdef".utf8).contains(byte)
            let number = bytes.span.hexadecimal(0..<10)
            expectEqual(number != nil, isDigit, "\(byte)")
        }
    }
}
