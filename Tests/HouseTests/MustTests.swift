// The list of MUSTs beside the corpus names only cases and tests that exist.

import Testing

struct MustTests {
    private static let list = "Tests/HTTPWireTests/Corpus/MUSTS.md"

    @Test(arguments: ["## RFC 9110: semantics", "## RFC 9112: messages"])
    func everyRowNamesACaseOrATestOrSaysWhyNot(heading: String) {
        let known = Self.caseNames.union(House.tests.flatMap { TestNames.all(in: $0.lines) })
        let rows = TableReader.rows(in: Self.list, below: heading)
        #expect(rows.count > 30)
        for cells in rows {
            #expect(cells.count == 3 && cells.allSatisfy { !$0.isEmpty }, "\(cells)")
            for name in cells.last?.ticked ?? [] {
                #expect(known.contains(name), "\(name), in \(cells[0])")
            }
        }
    }

    @Test(arguments: ["## RFC 9110: semantics", "## RFC 9112: messages"])
    func sectionsAreInOrder(heading: String) {
        let sections = TableReader.rows(in: Self.list, below: heading).map { cells in
            cells[0].split { !$0.isNumber && $0 != "." }[0].split(separator: ".").map {
                Int($0) ?? 0
            }
        }
        for (section, next) in zip(sections, sections.dropFirst()) {
            #expect(!next.lexicographicallyPrecedes(section), "\(next) behind \(section)")
        }
    }

    /// `file: name` of every case of every corpus.
    private static let caseNames = Set(
        House.paths(under: "Tests").filter { $0.hasSuffix(".http") }.flatMap { path in
            let file = path.split(separator: "/").last?.dropLast(".http".count) ?? ""
            return House.text(path).split(separator: "\n").filter { $0.hasPrefix("== ") }
                .map { "\(file): \($0.dropFirst(3))" }
        })
}
