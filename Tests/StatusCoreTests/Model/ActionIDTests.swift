import TestSupport
import Testing

@testable import StatusCore

@Suite struct ActionIDTests {
    private static let uuid = "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1e"

    @Test(arguments: [uuid.uppercased(), "0F6a2a39-7ad3-4D4A-9a5c-0c5a0f6b1f1e"])
    func aUUIDIsTheSameInAnyLetterCase(text: String) {
        let (a, b) = (ActionID.of(Self.uuid), ActionID.of(text))
        #expect(a == b && a.hashValue == b.hashValue)
        expectEqual(Set([a, b]).count, 1)
        #expect(b.text == text && b.canonical == Self.uuid)
        let isSpelled = a.isSpelled(text.utf8.span)
        #expect(isSpelled)
    }

    @Test(arguments: [
        "aa_0adad13d6f057f088e", "shipment.17", "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1",
        "0f6a2a39-7ad3-4d4a-9a5c-0c5a0f6b1f1g", "0f6a2a397ad3-4d4a-9a5c-0c5a0f6b1f1e-",
        "0f6a2a397ad34d4a9a5c0c5a0f6b1f1eabcd",
    ])
    func otherIDsAreCaseSensitive(text: String) {
        let (a, b) = (ActionID.of(text), ActionID.of(text.uppercased()))
        let isSpelled = a.isSpelled(b.text.utf8.span)
        #expect(a != b && b.canonical == text.uppercased() && !isSpelled)
    }

    @Test func differentUUIDsDiffer() {
        let other = Self.uuid.replacing("e", with: "d")
        #expect(ActionID.of(Self.uuid) != ActionID.of(other.uppercased()))
    }
}
