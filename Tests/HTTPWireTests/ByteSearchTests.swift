// Compares searches that test eight bytes at a time with a search byte by byte.

import TestSupport
import Testing

@testable import HTTPWire

@Suite struct ByteSearchTests {
    /// Bytes that differ from a comma in one bit, or match it after a borrow.
    private let neighbours: [UInt8] = [0x2B, 0x2D, 0x2E, 0xAC, 0x00, 0xFF, 0x80, 0x01]

    @Test func theFirstByteIsFoundAtEveryPlace() {
        for count in 0...40 {
            for place in 0..<max(count, 1) {
                var bytes = (0..<count).map { neighbours[$0 % neighbours.count] }
                if place < count { bytes[place] = 0x2C }
                if place + 3 < count { bytes[place + 3] = 0x2C }
                for start in 0...count {
                    let range = start..<count
                    let wanted = range.first { bytes[$0] == 0x2C }
                    expectEqual(bytes.span.firstIndex(of: 0x2C, in: range), wanted)
                }
            }
        }
    }

    @Test func theEndOfARangeIsRespected() {
        let bytes = [UInt8](repeating: 0x20, count: 32)
        #expect(bytes.span.firstIndex(of: 0x20, in: 4..<4) == nil)
        expectEqual(bytes.span.firstIndex(notIn: .token, in: 3..<9), 3)
        let letters = Array("abcdefghijkl".utf8)
        expectEqual(letters.span.firstIndex(notIn: .token, in: 2..<7), 7)
    }

    /// Every byte at every position of a word and after it, among letters and among similar bytes.
    @Test func theFirstOtherByteIsFoundAtEveryPlace() {
        let sets: [ByteSet] = [.token, .path, .query, .name, .literal]
        for byte in UInt8.min ... .max {
            for place in 0..<19 {
                var bytes = Array("Zz09-.aAmM5bYyC8-.x".utf8)
                bytes[place] = byte
                for set in sets {
                    let wanted = bytes.firstIndex { !set.contains($0) } ?? bytes.count
                    expectEqual(bytes.span.firstIndex(notIn: set, in: 0..<bytes.count), wanted)
                }
            }
        }
    }

    /// The same for the end of a line, with every control byte.
    @Test func theFirstControlByteIsFoundAtEveryPlace() throws {
        for byte in UInt8.min ... .max {
            for place in 0..<19 {
                var bytes = [UInt8](repeating: 0x80, count: 19) + [0x0D, 0x0A]
                bytes[place] = byte
                let isControl = (byte < 0x20 && byte != 0x09) || byte == 0x7F
                let line = try? bytes.span.line(from: 0, bytesMax: 64, tooLong: .headTooLarge)
                expectEqual(line, isControl ? nil : 0..<19)
            }
        }
    }
}
