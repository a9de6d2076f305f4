import StatusCore
import Testing

@testable import TestSupport

@Suite struct YAMLReaderTests {
    @Test(
        arguments: [
            ("null", .null), ("true", .bool(true)), ("12", .number("12")),
            ("1.10", .number("1.10")),
            ("'null'", .string("null")), (#""12""#, .string("12")), ("no", .string("no")),
            ("~", .string("~")), ("0x1F", .string("0x1F")), ("1.0.0", .string("1.0.0")),
            ("2026-11-01T10:00:00Z", .string("2026-11-01T10:00:00Z")),
            ("[a, 1]", .array([.string("a"), .number("1")])),
            ("{b: 1, a: {}}", .object([.init("b", .number("1")), .init("a", .object([]))])),
        ] as [(String, JSONValue)])
    func plainScalarIsWhatJSONSays(yaml: String, value: JSONValue) throws {
        try expectEqual(YAMLReader.read(yaml), value)
    }

    @Test(arguments: ["", "{a: 1, a: 2}", "[a", "{[1]: 2}", "a: \t- b"])
    func brokenTextIsRefused(yaml: String) {
        #expect(throws: (any Error).self) { try YAMLReader.read(yaml) }
    }
}
