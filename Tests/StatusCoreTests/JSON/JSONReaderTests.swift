import TestSupport
import Testing

@testable import StatusCore

@Suite struct JSONReaderTests {
    private func read(_ text: String, limits: JSONLimits = .standard) throws -> JSONValue {
        try JSONReader.read(Array(text.utf8), limits: limits)
    }

    private func failure(_ bytes: [UInt8], limits: JSONLimits = .standard) -> JSONFailure? {
        do throws(JSONFailure) {
            _ = try JSONReader.read(bytes, limits: limits)
            return nil
        } catch {
            return error
        }
    }

    // MARK: Conformance

    @Test(
        arguments: [
            ("null", .null), ("true", .bool(true)), ("false", .bool(false)),
            (" \t\r\n0 ", .number("0")), ("-0", .number("-0")), ("10", .number("10")),
            ("-1.5", .number("-1.5")), ("1e9", .number("1e9")), ("1E+9", .number("1E+9")),
            ("0.00e-00", .number("0.00e-00")),
            (#""""#, .string("")), (#""a""#, .string("a")),
            (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{08}\u{0C}\n\r\t")),
            (#""\u00e9\u00C9\u0000""#, .string("éÉ\0")), (#""\ud83d\ude00!""#, .string("😀!")),
            (#""é😀\u007f""#, .string("é😀\u{7F}")),
            ("\"\u{7F}\u{2028}\"", .string("\u{7F}\u{2028}")),
            ("[]", .array([])), ("[ ]", .array([])),
            ("[1 , 2]", .array([.number("1"), .number("2")])),
            ("[[],{}]", .array([.array([]), .object([])])),
            ("{}", .object([])), ("{ }", .object([])),
            (#"{"a":1}"#, .object([.init("a", .number("1"))])),
            (#" { "a" : null , "" : [ ] } "#, .object([.init("a", .null), .init("", .array([]))])),
            ("\u{FEFF}true", .bool(true)),
        ] as [(String, JSONValue)])
    func validTextIsRead(text: String, value: JSONValue) throws {
        try expectEqual(read(text), value)
    }

    @Test(
        arguments: [
            ("", .endedEarly(at: 0)), ("  ", .endedEarly(at: 2)), ("\u{FEFF}", .endedEarly(at: 3)),
            ("\u{FEFF}\u{FEFF}1", .unexpectedByte(at: 3)),
            ("1 2", .trailingContent(at: 2)), ("{}x", .trailingContent(at: 2)),
            ("nul", .endedEarly(at: 3)), ("nulx", .malformedLiteral(at: 3)),
            ("True", .unexpectedByte(at: 0)), ("truefalse", .trailingContent(at: 4)),
            ("NaN", .unexpectedByte(at: 0)), ("Infinity", .unexpectedByte(at: 0)),
            ("-", .endedEarly(at: 1)), ("-a", .malformedNumber(at: 1)),
            ("+1", .unexpectedByte(at: 0)),
            ("01", .trailingContent(at: 1)), ("1.", .endedEarly(at: 2)),
            (".5", .unexpectedByte(at: 0)),
            ("1.e3", .malformedNumber(at: 2)), ("1e", .endedEarly(at: 2)),
            ("1e+", .endedEarly(at: 3)),
            ("0x10", .trailingContent(at: 1)), ("-Infinity", .malformedNumber(at: 1)),
            ("1e+-1", .malformedNumber(at: 3)),
            (#"""#, .endedEarly(at: 1)), (#""a"#, .endedEarly(at: 2)),
            ("'a'", .unexpectedByte(at: 0)),
            ("\"a\nb\"", .bareControlCharacter(at: 2)), ("\"\0\"", .bareControlCharacter(at: 1)),
            (#""\x""#, .malformedEscape(at: 2)), (#""\"#, .endedEarly(at: 2)),
            (#""\u12"#, .endedEarly(at: 5)), (#""\u12g4""#, .malformedEscape(at: 5)),
            (#""\U0041""#, .malformedEscape(at: 2)), (#""\ud800\u12""#, .malformedEscape(at: 11)),
            ("[", .endedEarly(at: 1)), ("[1", .endedEarly(at: 2)), ("[1,", .endedEarly(at: 3)),
            ("[1,]", .unexpectedByte(at: 3)), ("[,1]", .unexpectedByte(at: 1)),
            ("[1 2]", .unexpectedByte(at: 3)), ("[1}", .unexpectedByte(at: 2)),
            ("]", .unexpectedByte(at: 0)), ("[1]]", .trailingContent(at: 3)),
            ("{", .endedEarly(at: 1)), ("{1:2}", .unexpectedByte(at: 1)),
            (#"{"a"}"#, .unexpectedByte(at: 4)), (#"{"a":}"#, .unexpectedByte(at: 5)),
            (#"{"a":1,}"#, .unexpectedByte(at: 7)), (#"{"a" 1}"#, .unexpectedByte(at: 5)),
            (#"{a:1}"#, .unexpectedByte(at: 1)), (#"{"a":1 "b":2}"#, .unexpectedByte(at: 7)),
            (#"{"a":1]"#, .unexpectedByte(at: 6)), ("// no\n1", .unexpectedByte(at: 0)),
            ("\u{A0}1", .unexpectedByte(at: 0)), ("\u{0B}1", .unexpectedByte(at: 0)),
            ("<!doctype html>", .unexpectedByte(at: 0)),
        ] as [(String, JSONFailure)])
    func invalidTextIsRefusedAtItsByte(text: String, expected: JSONFailure) {
        expectEqual(failure(Array(text.utf8)), expected)
        expectEqual(failure(Array(text.utf8))?.offset, expected.offset)
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22], [0x22, 0x80, 0x22],
        ] as [[UInt8]])
    func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
        expectEqual(failure(bytes), .invalidUTF8(at: 1))
    }

    @Test(arguments: [
        (#""\ud800""#, "\u{FFFD}"), (#""\udc00x""#, "\u{FFFD}x"),
        (#""\ud800x""#, "\u{FFFD}x"), (#""\ud800\n""#, "\u{FFFD}\n"),
        (#""\ud800\ud83d\ude00""#, "\u{FFFD}😀"), (#""\ude00\ud83d""#, "\u{FFFD}\u{FFFD}"),
        (#""\ud800\u0041""#, "\u{FFFD}A"),
    ])
    func halfASurrogatePairBecomesTheReplacementCharacter(text: String, value: String) throws {
        try expectEqual(read(text), .string(value))
    }

    // MARK: What is kept

    @Test(arguments: [
        "9007199254740993", "1.10", "-0.0", "1e400", "0.1000000000000000055511151231257827",
        "123456789012345678901234567890",
    ])
    func numbersKeepTheirText(text: String) throws {
        try expectEqual(read(text), .number(text))
    }

    @Test func onlyTheLastOfARepeatedNameIsKept() throws {
        let value = try read(#"{"a":1,"b":2,"a":3,"a":{"b":4,"b":5}}"#)
        let inner = JSONValue.object([.init("b", .number("5"))])
        expectEqual(value, .object([.init("b", .number("2")), .init("a", inner)]))
    }

    @Test func namesSpeltWithOtherScalarsAreOtherNames() throws {
        let value = try read(#"{"\u00e9":1,"e\u0301":2}"#)
        guard case .object(let members) = value else { throw Missing() }
        expectEqual(members.map(\.value), [.number("1"), .number("2")])
    }

    private struct Missing: Error {}

    // MARK: Limits

    @Test(arguments: [("[", "]"), (#"{"a":"#, "}")])
    func sixtyFourLevelsAreReadAndOneMoreIsNot(open: String, close: String) {
        func nested(_ levels: Int) -> [UInt8] {
            let inner = open == "[" ? "" : "0"
            let text =
                String(repeating: open, count: levels) + inner
                + String(repeating: close, count: levels)
            return Array(text.utf8)
        }
        #expect(failure(nested(64)) == nil)
        expectEqual(failure(nested(65)), .tooDeep(at: 64 * open.utf8.count))
    }

    @Test func levelsSideBySideDoNotAddUp() throws {
        let text = "[" + String(repeating: "[[]],", count: 200) + "[]]"
        try expectEqual(read(text).array?.count, 201)
    }

    @Test func sizeIsReadUpToTheLimit() {
        let limits = JSONLimits(bytesMax: 10)
        #expect(failure(Array(#""12345678""#.utf8), limits: limits) == nil)
        expectEqual(failure(Array(#""123456789""#.utf8), limits: limits), .tooLarge(at: 10))
        expectEqual(JSONLimits.standard.bytesMax, 8_388_608)
        expectEqual(
            failure([UInt8](repeating: 0x20, count: 8_388_609)), .tooLarge(at: 8_388_608))
    }

    /// Not a test of speed: a quadratic reader would take hours.
    @Test(arguments: ["[", "{", "\"", " ", "[],", #"{"a":"#, #"\u0041"#])
    func aMebibyteOfOneByteIsRefused(piece: String) {
        let quote = piece == #"\u0041"# ? "\"" : ""
        let count = 1_048_575 / piece.utf8.count
        let bytes = Array((quote + String(repeating: piece, count: count)).utf8)
        #expect(failure(bytes) != nil)
    }

    @Test func aMebibyteOfDigitsIsANumber() {
        #expect(failure(Array(String(repeating: "9", count: 1_048_575).utf8)) == nil)
    }

    @Test(arguments: [true, false])
    func manyMembersAreReadInLinearTime(areDistinct: Bool) throws {
        let members = (0..<100_000).map { "\"k\(areDistinct ? $0 : 7)\":0," }.joined()
        let value = try JSONReader.read(Array("{\(members)\"end\":1}".utf8))
        guard case .object(let read) = value else {
            Issue.record("not an object")
            return
        }
        expectEqual(read.count, areDistinct ? 100_001 : 2)
    }

    // MARK: Hostile input

    @Test(arguments: JSONFixtures.documents)
    func everyPrefixOfADocumentIsRefused(document: String) throws {
        let bytes = Array(document.utf8)
        #expect(failure(bytes) == nil)
        for count in 0..<bytes.count {
            let failure = failure(Array(bytes[..<count]))
            #expect(failure != nil)
            #expect((failure?.offset ?? .max) <= count)
        }
    }

    /// Seeds that once failed are added to this list.
    @Test(arguments: [1, 2, 3, 0xDEAD_BEEF, 0x5EED] as [UInt64])
    func mutatedDocumentsAreReadOrRefusedAndReadTheSameAgain(seed: UInt64) throws {
        var random = JSONFixtures.Random(seed: seed)
        for document in JSONFixtures.documents {
            for _ in 0..<300 {
                let bytes = random.mutated(Array(document.utf8))
                guard let value = try? JSONReader.read(bytes) else { continue }
                var writer = JSONWriter()
                writer.value(value)
                try expectEqual(JSONReader.read(writer.bytes), value)
            }
        }
    }
}
