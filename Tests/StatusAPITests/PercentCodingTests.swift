import TestSupport
import Testing

@testable import StatusAPI

@Suite struct PercentCodingTests {
    @Test(
        arguments: [
            ("", ""), ("abc", "abc"), ("%41%62c", "Abc"), ("%2f%2F", "//"), ("%25", "%"),
            ("%2541", "%41"), ("%c3%a9", "é"), ("a+b", "a+b"), ("%00", "\0"), ("é", "é"),
            // Broken escapes.
            ("%", nil), ("%4", nil), ("a%4", nil), ("%4g", nil), ("%g4", nil), ("%%41", nil),
            ("%+1", nil), ("% 1", nil),
            // Octets that are no UTF-8: a stray one, an overlong slash, half of a pair.
            ("%ff", nil), ("%c3", nil), ("%c0%af", nil), ("%ed%a0%80", nil),
        ] as [(String, String?)])
    func escapesAreReadOnce(encoded: String, decoded: String?) {
        expectEqual(PercentCoding.decode(Array(encoded.utf8).span), decoded)
    }
}
