// The output of `check` for given settings.

import TestSupport
import Testing

@testable import StatusProxy

struct CheckCommandTests {
    /// With single spaces before a value's origin.
    private func lines(_ environment: [String: String]) throws -> [String] {
        try CheckReport(environment: environment).lines.map { line in
            line.replacing(#/ +# /#, with: "  # ")
        }
    }

    @Test func effectiveSettingsArePrintedWithTheirOriginAndSecretsHidden() throws {
        let lines = try lines(Environments.with(["WAIT_MAX": "3s"]))
        #expect(lines.contains("WAIT_MAX=3s  # environment"))
        #expect(lines.contains("LISTEN_PORT=8080  # default"))
        #expect(lines.contains("ORDERS_TOKEN=[secret]  # environment"))
        #expect(lines.contains("VOUCHERS_APP_TOKEN=[secret]  # environment"))
        #expect(!lines.joined().contains("hush"))
        expectEqual(lines.last, "# valid")
    }

    @Test func settingsFromFilesNameTheFile() throws {
        let folder = TemporaryFolder()
        let secret = folder.write("hush-file", to: "secret")
        let file = folder.write(
            """
            {"WAIT_MAX": "4s", "REFRESH_WAIT": "2s", "VOUCHERS_APP_TOKEN": "hush",
             "ORDERS_TOKEN_FILE": "\(secret)"}
            """)
        let lines = try lines(
            Environments.with([
                "CONFIG_FILE": file, "WAIT_MAX": "5s", "ORDERS_TOKEN": nil,
                "VOUCHERS_APP_TOKEN": nil,
            ]))
        for line in [
            "WAIT_MAX=5s  # environment", "REFRESH_WAIT=2s  # CONFIG_FILE=\(file)",
            "VOUCHERS_APP_TOKEN=[secret]  # CONFIG_FILE=\(file)",
            "ORDERS_TOKEN=[secret]  # ORDERS_TOKEN_FILE=\(secret)",
            "ORDERS_TOKEN_FILE=\(secret)  # CONFIG_FILE=\(file)",
        ] {
            #expect(lines.contains(line), "\(line)")
        }
        #expect(!lines.joined().contains("hush"))
    }

    @Test func settingWithoutAValueIsNotPrinted() throws {
        let lines = try lines(Environments.whole)
        for name in ["ORDERS_TOKEN_FILE", "ORDERS_CALLS_PER_DAY", "LOG_FORMAT"] {
            #expect(!lines.contains { $0.hasPrefix(name + "=") })
        }
    }

    @Test(arguments: [
        ([:] as Changes, "STORE_URL=sqlite:status-proxy.sqlite  # default"),
        (
            ["STATE_DIRECTORY": "/tmp"],
            "STORE_URL=sqlite:/tmp/status-proxy.sqlite  # STATE_DIRECTORY"
        ),
        (["STORE_URL": "memory:"], "STORE_URL=memory:  # environment"),
        (
            ["STORE_URL": "postgresql://u:hush@h:5433/d?sslmode=require"],
            "STORE_URL=postgresql://u:[secret]@h:5433/d?sslmode=require  # environment"
        ),
    ])
    func storeIsPrintedWithItsRealPath(changes: Changes, line: String) throws {
        #expect(try lines(Environments.with(changes)).contains(line))
    }

    @Test func variableThatLooksLikeASettingIsPrintedAsAWarning() throws {
        let lines = try lines(Environments.with(["LISTEN_PROT": "hush"]))
        #expect(lines.contains { $0.hasPrefix("# warning: LISTEN_PROT: ") })
        expectEqual(lines.last, "# valid")
        #expect(!lines.joined().contains("hush"))
    }

    @Test func badSettingIsRethrown() {
        #expect(throws: SettingFailure.self) {
            try CheckReport(environment: Environments.with(["LISTEN_PORT": "many"]))
        }
    }
}
