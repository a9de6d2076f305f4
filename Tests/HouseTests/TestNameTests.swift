// Names of tests are sentences: three words at least.

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
        #expect(TestNames.words(of: name) == words)
    }

    @Test func namesAreFoundBehindArgumentsAndInBackticks() {
        let lines = [
            "@Test func plainTestIsFound() {", "func helper() {}", "@Test(arguments: [1, 2])",
            "func testWithArgumentsIsFound(number: Int) {", "@Test", "@available(*, unavailable)",
            "func `a raw name is found`() {", "func another() {}",
        ]
        #expect(
            TestNames.all(in: lines) == [
                "plainTestIsFound", "testWithArgumentsIsFound", "a raw name is found",
            ])
    }
}

private enum TestNames {
    /// The function that comes next after each `@Test`.
    static func all(in lines: [String]) -> [String] {
        var names: [String] = []
        var isAwaited = false
        for line in lines where !line.hasPrefix("//") {
            if line.hasPrefix("@Test") { isAwaited = true }
            guard isAwaited, let name = functionName(line) else { continue }
            names.append(name)
            isAwaited = false
        }
        return names
    }

    private static func functionName(_ line: String) -> String? {
        let marker = line.hasPrefix("func ") ? line.startIndex : nil
        guard let start = marker ?? line.firstRange(of: " func ")?.lowerBound else { return nil }
        let name = line[start...].drop { $0 == " " }.dropFirst("func ".count)
        if name.hasPrefix("`") { return name.ticked.first }
        return String(name.prefix { $0.isLetter || $0.isNumber || $0 == "_" })
    }

    /// A capital begins a word, but not inside an acronym; so do a blank and an underscore.
    static func words(of name: String) -> Int {
        let parts = name.split { $0 == " " || $0 == "_" }
        return parts.reduce(0) { count, part in
            let letters = Array(part)
            let starts = letters.indices.dropFirst().count { index in
                guard letters[index].isUppercase else { return false }
                let isAfterSmall = !letters[index - 1].isUppercase
                let isBeforeSmall = index + 1 < letters.count && letters[index + 1].isLowercase
                return isAfterSmall || isBeforeSmall
            }
            return count + 1 + starts
        }
    }
}
