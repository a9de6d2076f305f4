// The page for people: what it may do, and that its policy allows that.

import HTTPWire
import TestSupport
import Testing

@testable import StatusProxy

struct EmbeddedFilesTests {
    /// The test vectors of RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64IsThatOfTheStandard(bytes: String, text: String) {
        expectEqual(Base64.text(Array(bytes.utf8)), text)
    }

    @Test func pageNeedsNoOtherResources() {
        let page = String(decoding: EmbeddedFiles.page.body, as: UTF8.self)
        #expect(page.hasPrefix("<!doctype html>"))
        // The policy would block a link, a source or a handler in the markup.
        for part in ["://", " src=", "<link", "@import", "url(", "onclick", "innerHTML", "eval("] {
            #expect(!page.contains(part), "\(part)")
        }
        for element in ["script", "style"] {
            expectEqual(page.ranges(of: "<\(element)").count, 1)
        }
    }

    @Test func policyAllowsNothingButThePagesOwnParts() throws {
        let field = EmbeddedFiles.page.fields.first { $0.name == "Content-Security-Policy" }
        let policy = try #require(field?.value)
        #expect(policy.hasPrefix("default-src 'none'; "))
        expectEqual(policy.ranges(of: "'sha256-").count, 2)
        #expect(!policy.contains("unsafe"))
        #expect(!policy.contains("*"))
    }
}
