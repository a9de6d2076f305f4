// Every limit on the security page is one that the code has.

import Testing

struct SecurityPageTests {
    private let rows = TableReader.rows(in: "docs/security.md", below: "## Limits")

    @Test func everyLimitHasANameADefaultAndAConsequence() {
        #expect(rows.count > 20)
        for row in rows {
            #expect(row.count == 4 && !row.contains(""), "\(row)")
            #expect(row.count > 1 && !row[1].ticked.isEmpty, "\(row)")
        }
    }

    @Test func everyNameIsThatOfASettingOrAConstant() {
        let settings = ["SettingName", "SourceSetting"].map {
            House.text("Sources/StatusProxy/Settings/\($0).swift")
        }.joined()
        let words = Set(
            House.sources.flatMap { file in
                file.lines.filter { !$0.hasPrefix("//") }.flatMap { line in
                    line.split { !$0.isLetter && !$0.isNumber }.map(String.init)
                }
            })
        for name in rows.flatMap({ $0[1].ticked }) where name != "X" {
            let isSetting = settings.contains("\"\(name.trimmingPrefix("X_"))\"")
            let parts = name.split(separator: ".").map(String.init)
            #expect(isSetting || parts.allSatisfy(words.contains), "\(name)")
        }
    }
}
