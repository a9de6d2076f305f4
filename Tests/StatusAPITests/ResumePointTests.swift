import TestSupport
import Testing

@testable import StatusAPI

@Suite struct ResumePointTests {
    private static let a = "00000000000000ff"
    private static let b = "0123456789abcdef"

    @Test(arguments: [a, "\(a).\(b)", "\(a)..\(b)", ".\(a)", "\(a).", "-", "\(a).-.", "-.-"])
    func resumePointRoundTrips(text: String) {
        expectEqual(Asked(["Last-Event-ID": text]).fields.lastSeen?.text, text)
    }

    @Test(arguments: [
        nil, "", ".", "...", "00000000000000FF", "ff", "W/\"00000000000000ff\"",
        "0000000000000zff", "--", " ",
    ])
    func unknownTagsAreNoResumePoint(text: String?) {
        #expect(Asked(["Last-Event-ID": text]).fields.lastSeen == nil)
    }

    @Test func malformedPartIsNothing() {
        expectEqual(Asked(["Last-Event-ID": "x.\(Self.a)"]).fields.lastSeen?.text, ".\(Self.a)")
    }

    @Test func moreActionsThanAStreamHasAreNoPoint() {
        let parts = { Array(repeating: Self.a, count: $0).joined(separator: ".") }
        expectEqual(Asked(["Last-Event-ID": parts(100)]).fields.lastSeen?.parts.count, 100)
        #expect(Asked(["Last-Event-ID": parts(101)]).fields.lastSeen == nil)
    }
}
