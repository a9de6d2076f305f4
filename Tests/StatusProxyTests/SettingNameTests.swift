// The table of settings: the README shows what the type holds, in its order.

import Testing

@testable import StatusProxy

struct SettingNameTests {
    private struct Row {
        var name: String
        var defaultText: String?
    }

    /// The table below "## Settings" of the README.
    private func rows() throws -> [Row] {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let bytes = try SmallFile.read("\(root)/README.md", bytesMax: 1 << 20)
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let table = lines.drop { $0 != "## Settings" }.drop { !$0.hasPrefix("|") }
        return table.prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
            let ticked = cells.map { $0.split(separator: "`").dropFirst().first.map(String.init) }
            return Row(name: ticked[1] ?? "", defaultText: ticked[2])
        }
    }

    @Test func readmeShowsEverySettingInOrder() throws {
        #expect(try rows().map(\.name) == SettingName.allCases.map(\.rawValue))
    }

    @Test func readmeShowsTheDefaults() throws {
        let defaults = SettingName.allCases.map(\.defaultText)
        #expect(try rows().map(\.defaultText) == defaults)
    }

    @Test func secretsAreThoseThatHaveAFile() {
        let names = Set(SettingName.allCases.map(\.rawValue))
        for name in SettingName.allCases {
            #expect(name.isSecret == names.contains(name.rawValue + "_FILE"), "\(name)")
        }
    }
}
