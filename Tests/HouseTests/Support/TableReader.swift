// Reads tables of Markdown files as rows of cells.

enum TableReader {
    /// The rows of the first table below a heading, without its own heading and rule.
    static func rows(in path: String, below heading: String) -> [[String]] {
        let lines = House.text(path).split(separator: "\n", omittingEmptySubsequences: false)
        let table = lines.drop { $0 != heading }.drop { !$0.hasPrefix("|") }
        return table.prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
                .map(\.trimmed)
        }
    }
}
