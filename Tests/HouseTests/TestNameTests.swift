// Names of tests are sentences of at least three words.

import TestSupport
import Testing

struct TestNameTests {
    @Test func everyTestIsNamedByASentence() {
        var count = 0
        for file in House.tests {
            for name in TestNames.all(in: file.lines) {
                count += 1
                #expect(TestNames.words(of: name) >= 3, "\(file.path): \(name)")
            }
        }
        #expect(count > 100)
    }

    @Test(arguments: [
        ("staleAnswerIsServed", 4), ("works", 1), ("parses", 1), ("badJSONIsRefused", 4),
        ("HTTP11IsSpoken", 3), ("a stale answer is served", 5), ("one_two_three", 3),
    ])
    func wordsOfANameAreCounted(name: String, words: Int) {
        expectEqual(TestNames.words(of: name), words)
    }

    @Test func namesAreFoundBehindArgumentsAndInBackticks() {
        let lines = [
            "@Test func plainTestIsFound() {", "func helper() {}", "@Test(arguments: [1, 2])",
            "func testWithArgumentsIsFound(number: Int) {", "@Test", "@available(*, unavailable)",
            "func `a raw name is found`() {", "func another() {}",
        ]
        expectEqual(
            TestNames.all(in: lines),
            [
                "plainTestIsFound", "testWithArgumentsIsFound", "a raw name is found",
            ])
    }
}
