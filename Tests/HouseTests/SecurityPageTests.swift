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

    /// Types that hold limits of what comes from outside. What no outsider can drive is not listed.
    @Test(arguments: [
        "HTTPWire/WireLimits", "SocketServer/ServerConfiguration",
        "UpstreamCurl/Transport/CurlMulti", "UpstreamCurl/Transport/ResponseCollector",
    ])
    func everyLimitOfThatFileHasARow(file: String) {
        let names = rows.flatMap { $0[1].ticked }
        let listed = Set(names.flatMap { $0.split(separator: ".").map { String($0) } })
        // `connectionsMax` is the setting HTTP_MAX_CONNECTIONS; the others only decide how.
        let inner: Set<String> = [
            "connectionsMax", "idleSecondsMax", "connectionSecondsMax", "smallBodyBytesMax",
            "smallGzipBytesMax",
        ]
        var count = 0
        for line in House.text("Sources/\(file).swift").split(separator: "\n") {
            guard let name = line.firstMatch(of: /(?:static let|public var|    var) (\w+Max) =/)?.1
            else { continue }
            count += 1
            #expect(listed.contains(String(name)) || inner.contains(String(name)), "\(name)")
        }
        #expect(count > 0)
    }
}
