// The tables of settings: docs/configuration.md lists what the types have, in their order.

import StatusCore
import TestSupport
import Testing

@testable import StatusProxy

struct SettingNameTests {
    /// The first table below that heading whose head begins so: the words in backticks of each cell.
    private func rows(
        of page: String = "docs/configuration.md", below heading: String, head: String
    ) throws -> [[[String]]] {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
        let bytes = try SmallFile.read("\(root)/\(page)", bytesMax: 1 << 20)
        let text = String(decoding: bytes, as: UTF8.self)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        let table = lines.drop { $0 != heading }.drop { !$0.hasPrefix("| \(head)") }
        return table.prefix { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().map { cell in
                cell.split(separator: "`", omittingEmptySubsequences: false).enumerated()
                    .filter { $0.offset % 2 == 1 }.map { String($0.element) }
            }
        }
    }

    @Test func pageShowsEverySettingInOrder() throws {
        let rows = try rows(below: "## Settings", head: "variable |")
        expectEqual(rows.map { $0[0].first }, SettingName.allCases.map(\.rawValue))
        expectEqual(rows.map { $0[1].first }, SettingName.allCases.map(\.defaultText))
    }

    @Test func readmeShowsTheSameDefaults() throws {
        let rows = try rows(of: "README.md", below: "## Configure it", head: "variable |")
        let raw = try RawSettings(environment: [:])
        #expect(rows.count > 5)
        for row in rows {
            let setting = raw.all.first { $0.name == row[0].first }
            #expect(setting != nil, "\(row)")
            expectEqual(setting?.defaultText, row[1].first, "\(row)")
        }
    }

    @Test func pageShowsEverySettingOfASourceInOrder() throws {
        let rows = try rows(below: "## Sources", head: "variable of source")
        expectEqual(rows.map { $0[0].first }, SourceAspect.allCases.map { "X_\($0.rawValue)" })
    }

    @Test func pageShowsEveryKindWithItsDefaults() throws {
        let rows = try rows(below: "## Sources", head: "kind |")
        expectEqual(rows.map { $0[0].first }, SourceKind.all.map(\.name))
        for (row, kind) in zip(rows, SourceKind.all) {
            expectEqual(row[1].first, kind.baseURL)
            expectEqual(
                row[2], [kind.minInterval, kind.maxInterval].map { "\($0.components.seconds)s" })
            let calls = [kind.callsPerMinute, kind.callsPerDay].compactMap { $0 }.map(String.init)
            expectEqual(row[3], calls)
            expectEqual(row[4].first, kind.idPattern?.description)
            let token = kind.credentials
            expectEqual(
                row[5], [token.tokenURL, token.tokenAuthentication.rawValue].compactMap { $0 })
        }
    }

    @Test(arguments: SourceKind.all.map(\.name))
    func secretsOfASourceAreThoseThatHaveAFile(name: String) throws {
        let kind = try #require(SourceKind.named(name))
        let source = ListedSource(
            source: try #require(Source("x")), kind: kind, isRequired: true)
        let names = Set(source.settings.map(\.name))
        for setting in source.settings {
            expectEqual(setting.isSecret, names.contains(setting.name + "_FILE"), "\(setting.name)")
        }
    }
}
