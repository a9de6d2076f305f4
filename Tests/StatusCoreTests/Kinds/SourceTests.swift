import TestSupport
import Testing

@testable import StatusCore

struct SourceTests {
    private static let longest = "a" + String(repeating: "9", count: 31)

    @Test(arguments: ["a", "orders", "orders-de", "a-", "a1--b", "vouchers-de", longest])
    func nameIsKept(name: String) throws {
        let source = try #require(Source(name))
        #expect(source.name == name && "\(source)" == name)
        func isNamed(_ text: String) -> Bool { source.isNamed(Array(text.utf8).span) }
        #expect(isNamed(name) && !isNamed(name + "x") && !isNamed(String(name.dropLast())))
        expectEqual(source.withBytes { Array($0) }, Array(name.utf8))
    }

    @Test(arguments: ["", "-a", "1a", "A", "aB", "a_b", "a b", "ä", "a\0", longest + "9"])
    func otherTextsAreNotNames(text: String) { #expect(Source(text) == nil) }

    @Test func orderIsThatOfTheNames() throws {
        let names = ["a", "ab", "a-", "abcdefgh", "abcdefghi", "b", "abcdefgh-", Self.longest]
        let sources = try names.map { try #require(Source($0)) }
        expectEqual(sources.sorted().map(\.name), names.sorted())
        expectEqual(Set(sources).count, names.count)
    }

    @Test(arguments: [
        ("uuid", "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e", true), ("uuid", "aa_1", false),
        ("prefix:aa_", "aa_1", true), ("prefix:aa_", "AA_1", false), ("prefix:aa_", "a", false),
        ("any", "a", true),
    ])
    func patternMatchesIDsOfItsShape(pattern: String, id: String, fits: Bool) throws {
        let pattern = try #require(IDPattern(pattern))
        expectEqual(pattern.fits(try #require(ActionID(id))), fits)
        expectEqual(IDPattern(pattern.description), pattern)
    }

    @Test(arguments: ["", "UUID", "prefix:", "prefix:_", "prefix:a/b", "all", " any"])
    func otherTextsAreNotPatterns(text: String) { #expect(IDPattern(text) == nil) }
}
