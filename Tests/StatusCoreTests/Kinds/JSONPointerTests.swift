import TestSupport
import Testing

@testable import StatusCore

struct JSONPointerTests {
    /// RFC 6901, section 5.
    private static let document = """
        {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\\\j": 5,
         "k\\"l": 6, " ": 7, "m~n": 8, "none": null}
        """

    @Test(arguments: [
        ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
        ("/g|h", "4"), (#"/i\j"#, "5"), (#"/k"l"#, "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func examplesOfTheRFCAreFound(pointer: String, value: String) throws {
        let root = try NormalizeFixtures.json(Self.document)
        let pointer = try #require(JSONPointer(pointer))
        expectEqual(pointer.value(in: root), try NormalizeFixtures.json(value))
    }

    @Test func emptyPointerIsTheRoot() throws {
        let root = try NormalizeFixtures.json(Self.document)
        expectEqual(JSONPointer("")?.value(in: root), root)
    }

    @Test(arguments: [
        "/foo/2", "/foo/-", "/foo/00", "/foo/01", "/foo/+1", "/foo/bar", "/foo/0/x", "/none",
        "/none/x", "/absent", "/foo/99999999999999999999",
    ])
    func missingValueIsNil(pointer: String) throws {
        let root = try NormalizeFixtures.json(Self.document)
        #expect(try #require(JSONPointer(pointer)).value(in: root) == nil)
    }

    @Test(arguments: ["foo", "#/foo", "/~", "/a~2b", "/a~", " /foo"])
    func otherTextsAreNotPointers(text: String) { #expect(JSONPointer(text) == nil) }
}
