import TestSupport
import Testing

@testable import StatusProxy

@Suite struct SizeTextTests {
    @Test(arguments: [
        ("1KiB", 1024), ("64MiB", 64 << 20), ("1GiB", 1 << 30), ("0GiB", 0), ("1024GiB", 1 << 40),
    ])
    func sizeIsANumberAndItsUnit(text: String, size: Int) {
        expectEqual(SizeText.parse(text), size)
        if size > 0, size < 1 << 40 { expectEqual(SizeText.format(size), text) }
    }

    @Test(arguments: [
        "", "MiB", "1", "1MB", "1 MiB", "-1MiB", "1.5GiB", "1mib", "1025GiB", "+1MiB",
    ])
    func otherTextsAreNotSizes(text: String) {
        #expect(SizeText.parse(text) == nil)
    }
}
