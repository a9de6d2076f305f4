// What `check` prints.

import Testing

@testable import StatusProxy

struct CheckCommandTests {
    @Test func effectiveSettingsArePrintedWithSecretsHidden() throws {
        let lines = try CheckCommand.report(Environments.with(["WAIT_MAX": "3s"]))
        #expect(lines.contains("WAIT_MAX=3s"))
        #expect(lines.contains("LISTEN_PORT=8080"))
        #expect(lines.contains("ORDERS_TOKEN=[secret]"))
        #expect(lines.contains("VOUCHERS_APP_TOKEN=[secret]"))
        #expect(!lines.joined().contains("hush"))
        #expect(lines.last == "# valid")
    }

    @Test func settingThatIsSaidNowhereIsNotPrinted() throws {
        let lines = try CheckCommand.report(Environments.whole)
        for name in ["ORDERS_TOKEN_FILE", "ORDERS_CALLS_PER_DAY", "LOG_FORMAT"] {
            #expect(!lines.contains { $0.hasPrefix(name + "=") })
        }
    }

    @Test(arguments: [
        ([:] as Changes, "STORE_URL=sqlite:status-proxy.sqlite"),
        (["STATE_DIRECTORY": "/var/lib/p"], "STORE_URL=sqlite:/var/lib/p/status-proxy.sqlite"),
        (["STORE_URL": "memory:"], "STORE_URL=memory:"),
        (
            ["STORE_URL": "postgresql://u:hush@h:5433/d?sslmode=require"],
            "STORE_URL=postgresql://u:[secret]@h:5433/d?sslmode=require"
        ),
    ])
    func storeIsPrintedWhereItReallyLies(changes: Changes, line: String) throws {
        #expect(try CheckCommand.report(Environments.with(changes)).contains(line))
    }

    @Test func variableThatLooksLikeASettingIsPrintedAsAWarning() throws {
        let lines = try CheckCommand.report(Environments.with(["LISTEN_PROT": "hush"]))
        #expect(lines.contains { $0.hasPrefix("# warning: LISTEN_PROT: ") })
        #expect(lines.last?.hasPrefix("# valid") == true)
        #expect(!lines.joined().contains("hush"))
    }

    @Test func badSettingIsThrownOn() {
        #expect(throws: SettingFailure.self) {
            try CheckCommand.report(Environments.with(["LISTEN_PORT": "many"]))
        }
    }
}
