import StatusCore
import TestSupport
import Testing

@testable import StatusAPI

@Suite struct EntityTagTests {
    private func tag() throws -> EntityTag { EntityTag(try Fixtures.document()) }

    @Test func tagIsWeakAndHas16Digits() throws {
        let tag = try tag()
        expectEqual(tag.opaque.count, 16)
        expectEqual(tag.text, "W/\"\(tag.opaque)\"")
        #expect(tag.opaque.allSatisfy { "0123456789abcdef".contains($0) })
        expectEqual(EntityTag(opaque: tag.opaque), tag)
    }

    @Test(
        arguments: [
            ("0000000000000000", 0), ("00000000000000ff", 0xFF), ("ffffffffffffffff", .max),
            ("", nil), ("ff", nil), ("00000000000000FF", nil), ("+0000000000000ff", nil),
            ("0000000000000000f", nil), ("00000000000000fg", nil), ("W/00000000000000", nil),
        ] as [(String, UInt64?)])
    func onlyOurOwnTagsAreRead(opaque: String, value: UInt64?) {
        expectEqual(EntityTag(opaque: opaque)?.value, value)
        expectEqual(EntityTag(opaque: opaque)?.opaque, value == nil ? nil : opaque)
    }

    // MARK: Behind a server that compresses

    static let codingSuffixes = [
        // Apache's mod_deflate and mod_brotli, lighttpd.
        "-gzip", "-deflate", "-br", "-zstd", "-gunzip",
        // Jetty.
        "--gzip", "--br",
        // Flask-Compress; Django up to 1.10.
        ":gzip", ":br", ";gzip",
    ]

    @Test(arguments: codingSuffixes)
    func tagWithTheNameOfACodingIsOurs(suffix: String) throws {
        let tag = try tag()
        expectEqual(EntityTag(opaque: tag.opaque + suffix), tag)
        for prefix in ["W/", ""] {
            let condition = TagCondition("\"x\", \(prefix)\"\(tag.opaque)\(suffix)\"")
            #expect(try #require(condition).matches(tag))
            expectEqual(condition?.knownStates, [tag.value])
        }
    }

    @Test(arguments: [
        "-", "--", ";", "gzip", "x", "---gzip", "-;:gzip", " -gzip", "-gzip-", "-gzip gzip", "-é",
        "-gz1p", "_gzip", ".gzip", "-`", "-@",
    ])
    func tagWithAnotherSuffixIsNotOurs(suffix: String) throws {
        let tag = try tag()
        #expect(EntityTag(opaque: tag.opaque + suffix) == nil)
        #expect(try #require(TagCondition("\"\(tag.opaque)\(suffix)\"")).knownStates == nil)
        #expect(EntityTag(opaque: "-gzip" + tag.opaque) == nil)
    }

    @Test func equalStatesHaveEqualTagsAndOthersNot() throws {
        let other = EntityTag(try Fixtures.document(status: .inProgress))
        try expectEqual(tag(), tag())
        #expect(try tag() != other)
    }

    // MARK: If-None-Match, RFC 9110 13.1.2

    @Test func conditionMatchesItsStateInEveryForm() throws {
        let tag = try tag()
        let opaque = tag.opaque
        for field in [
            "*", "W/\"\(opaque)\"", "\"\(opaque)\"", "\"x\", \"\(opaque)\"", "\"\(opaque)\",\"x\"",
            // A combining mark behind a quote.
            "\"\u{301}a\", \"\(opaque)\"",
            "\"a,b\", W/\"\(opaque)\"", ", ,\"\(opaque)\" ,", "W/\"x\"\t,\tW/\"\(opaque)\"",
        ] {
            let condition = try #require(TagCondition(field), "\(field)")
            #expect(condition.matches(tag), "\(field)")
        }
    }

    @Test func conditionMatchesNoOtherState() throws {
        let tag = try tag()
        let opaque = tag.opaque
        for field in [
            "\"x\"", "W/\"\"", "\"\(opaque) \"", "\"\(opaque.uppercased())x\"", "\"W/\(opaque)\"",
            "\"x\", \"y\"", "\"\(opaque.dropLast())\"", "\"*\"",
        ] {
            let condition = try #require(TagCondition(field), "\(field)")
            #expect(!condition.matches(tag), "\(field)")
        }
    }

    @Test(arguments: ["", " ", "abc", "W/", "\"", "\"open", "**", "*, *", "W/abc"])
    func unreadableConditionIsIgnored(field: String) {
        #expect(TagCondition(field) == nil)
    }

    @Test(
        arguments: [
            ("*", nil), (#""x""#, nil), (#"W/"00000000000000ff""#, [0xFF]),
            (#""x", "00000000000000ff", "0000000000000001""#, [0xFF, 1]),
        ] as [(String, [UInt64]?)])
    func knownStatesAreOurTags(field: String, values: [UInt64]?) throws {
        try expectEqual(#require(TagCondition(field)).knownStates, values)
    }
}
