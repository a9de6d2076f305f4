// The file of caller keys: what is accepted, and which line is wrong.

import TestSupport
import Testing

@testable import StatusProxy

struct CallerKeysTests {
    /// SHA-256 of "abc" and of nothing (FIPS 180-2, appendix B).
    private static let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    private static let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    private func keys(_ text: String) throws -> CallerKeys {
        try CallerKeys(Array(text.utf8), path: "keys")
    }

    private func digest(_ key: String) -> KeyDigest {
        KeyDigest(of: Array(key.utf8).span)
    }

    @Test func digestIsThatOfTheStandard() {
        expectEqual(digest("abc"), KeyDigest(hexadecimal: Array(Self.abc.utf8)[...]))
        expectEqual(digest(""), KeyDigest(hexadecimal: Array(Self.nothing.utf8)[...]))
        #expect(digest("abc") != digest("abd"))
        expectEqual(Set([digest("abc"), digest("abc"), digest("")]).count, 2)
    }

    /// A difference in any place counts.
    @Test func digestsDifferInEveryPlace() {
        for index in Self.abc.utf8.indices {
            var text = Array(Self.abc.utf8)
            let offset = Self.abc.utf8.distance(from: Self.abc.utf8.startIndex, to: index)
            text[offset] = text[offset] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
            #expect(KeyDigest(hexadecimal: text[...]) != digest("abc"))
        }
    }

    @Test(arguments: [
        "app \(abc)", "app \(abc)\n", "app\t\(abc)\r\n", "  app   \(abc)  \n",
        "# a comment\n\n   \napp \(abc) # the laptop\n#end", "app \(abc.uppercased())",
    ])
    func lineIsANameAndADigest(text: String) throws {
        try expectEqual(keys(text).names, [digest("abc"): "app"])
    }

    @Test func severalKeysMayHaveOneName() throws {
        let names = try keys("app \(Self.abc)\napp \(Self.nothing)\n").names
        expectEqual(names, [digest("abc"): "app", digest(""): "app"])
    }

    @Test(arguments: [
        ("app", 1), ("app \(abc) \(abc)", 1), ("\(abc)", 1), ("app \(abc.dropLast())", 1),
        ("app \(abc)0", 1), ("app \(abc.dropLast())g", 1), ("two words \(abc)", 1),
        ("caf\u{E9} \(abc)", 1), ("a\"b \(abc)", 1),
        ("\(String(repeating: "x", count: 65)) \(abc)", 1),
        ("# fine\napp \(abc)\n\nhush\n", 4), ("app \(abc)\nother \(abc)\n", 2),
        ("app \(abc)\napp \(abc)\n", 2),
    ])
    func wrongLineIsNamedAndNotRepeated(text: String, line: Int) throws {
        let failure = try #require(throws: SettingFailure.self) { try keys(text) }
        expectEqual(failure.name, "CALLER_KEYS_FILE")
        #expect(failure.problem.hasPrefix("keys:\(line): "))
        #expect(!failure.problem.contains("hush"))
        #expect(!failure.problem.contains(Self.abc))
    }

    @Test(arguments: ["", "\n\n", "# app \(abc)\n"])
    func fileWithoutAKeyIsRefused(text: String) throws {
        let failure = try #require(throws: SettingFailure.self) { try keys(text) }
        #expect(failure.problem.contains("holds no key"))
    }

    @Test func fileThatCannotBeReadIsNamed() throws {
        let failure = try #require(throws: SettingFailure.self) {
            try CallerKeys(path: "/nowhere/keys")
        }
        #expect(failure.problem.contains("/nowhere/keys cannot be read"))
    }
}
