// Extracts the names of tests from their files.

enum TestNames {
    /// The function that follows each `@Test`.
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

    /// A capital begins a word, except inside an acronym; so do a blank and an underscore.
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
