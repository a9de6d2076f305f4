import TestSupport
import Testing

@testable import StatusCore

@Suite struct JSONValueTests {
    @Test(
        arguments: [
            ("0", 0), ("-0", 0), ("-7", -7), ("3.0", 3), ("-3.000", -3),
            ("9223372036854775807", .max), ("9223372036854775808", nil), ("3.5", nil), ("3e2", 300),
            ("-9223372036854775808", .min), ("3.0e1", 30), ("1E+1", 10), ("150e-1", 15),
            ("15e-1", nil), ("0.5", nil), ("0.05e2", 5), ("1e400", nil),
        ] as [(String, Int64?)])
    func numberIsAnIntegerWhenItIsWholeAndFits(text: String, integer: Int64?) {
        expectEqual(JSONValue.number(text).integer, integer)
    }

    @Test func valueOfAnotherTypeIsNil() {
        #expect(JSONValue.string("1").integer == nil)
        #expect(JSONValue.number("1").string == nil)
        #expect(JSONValue.string("1").array == nil)
        #expect(JSONValue.array([])["a"] == nil)
        #expect(JSONValue.object([.init("a", .null)])["a"] == nil)
        expectEqual(JSONValue.object([.init("a", .bool(false))])["a"], .bool(false))
    }
}
