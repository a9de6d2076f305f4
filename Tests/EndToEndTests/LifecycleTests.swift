// Start, refusal, stop and command line of the real program.

import Foundation
import StatusCore
import TestSupport
import Testing

@Suite(.blocking) struct LifecycleTests {
    @Test func sigtermExitsWithZeroAndAnswersWaitingRequests() async throws {
        let world = try await World()
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
        let port = world.port
        let waiter = Task.detached {
            try Client.get(port: port, "/actions/\(DemoID.pendingVoucher)?wait=50")
        }
        try await eventually("a waiter") {
            try world.get("/metrics").text.contains("status_proxy_waiters 1")
        }
        world.proxy.signal(SIGTERM)
        let reply = try await waiter.value
        expectEqual(reply.status, 200)
        expectEqual(reply["connection"], "close")
        try await expectEqual(world.proxy.exitCode(), 0)
    }

    @Test func whileDrainingItServesButIsNotReady() async throws {
        let world = try await World(["DRAIN_DELAY": "10s"])
        try expectEqual(world.get("/readyz").status, 200)
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.wait(for: "stopping") { $0.contains("\"stopping\"") ? true : nil }
        try expectEqual(world.get("/readyz").status, 503)
        try expectEqual(world.get("/livez").status, 200)
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 200)
        try await expectEqual(world.proxy.exitCode(), 0)
    }

    @Test func aRunningCallCompletesItsGateBeforeTheExit() async throws {
        let world = try await World(["ORDERS_MIN_INTERVAL": "60s", "ORDERS_MAX_INTERVAL": "60s"])
        try world.setFault("orders", #"{"kind":"delay","milliseconds":1500}"#)
        let port = world.port
        let caller = Task.detached {
            try Client.get(port: port, "/actions/\(DemoID.pendingOrder)")
        }
        try await eventually("a call") { try world.audit().orders.calls == 1 }
        world.proxy.signal(SIGTERM)
        try await expectEqual(caller.value.status, 200)
        try await expectEqual(world.proxy.exitCode(), 0)
        try await world.restartProxy()
        let reply = try world.get("/actions/\(DemoID.pendingOrder)")
        expectEqual(reply.status, 200)
        expectEqual(reply["cache-status"]?.hasPrefix("status-proxy; hit"), true)
        try expectEqual(world.audit().orders.calls, 1)
    }

    @Test func aChangedSecretFileIsTakenUpOnSighup() async throws {
        let file = FileManager.default.temporaryDirectory
            .appendingPathComponent("secret-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try "wrong-token\n".write(to: file, atomically: true, encoding: .utf8)
        let world = try await World([
            "VOUCHERS_APP_TOKEN": "", "VOUCHERS_APP_TOKEN_FILE": file.path,
            "VOUCHERS_MIN_INTERVAL": "1s", "VOUCHERS_MAX_INTERVAL": "1s",
        ])
        try expectEqual(world.get("/actions/\(DemoID.pendingVoucher)").status, 502)
        try "sandbox-app-token\n".write(to: file, atomically: true, encoding: .utf8)
        world.proxy.signal(SIGHUP)
        try await eventually("an answer with the new secret") {
            try world.get("/actions/\(DemoID.pendingVoucher)").status == 200
        }
        #expect(!world.proxy.text.contains("sandbox-app-token"))
    }

    @Test func secretsNeverReachTheLog() async throws {
        let world = try await World(["LOG_LEVEL": "debug"])
        _ = try world.get("/actions/\(DemoID.order)")
        _ = try world.get("/actions/00000000-0000-4000-8000-000000000401")
        _ = try world.get("/actions/\(DemoID.voucher)")
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        for secret in ["sandbox-secret", "sandbox-app-token", "Bearer"] {
            #expect(!world.proxy.text.contains(secret))
        }
    }

    @Test func everyRequestHasOneLogLineWithItsID() async throws {
        let world = try await World(["LOG_LEVEL": "debug"])
        let reply = try world.get(
            "/actions/\(DemoID.order)", fields: ["X-Request-Id: my-request-1"])
        expectEqual(reply["x-request-id"], "my-request-1")
        let made = try #require(try world.get("/livez")["x-request-id"])
        world.proxy.signal(SIGTERM)
        _ = try await world.proxy.exitCode()
        let lines = world.proxy.text.split(separator: "\n").compactMap {
            try? JSONReader.read(Array($0.utf8))
        }
        for id in ["my-request-1", made] {
            let own = lines.filter {
                $0["request_id"]?.string == id && $0["message"]?.string == "request"
            }
            expectEqual(own.count, 1)
        }
    }

    @Test func theContractIsServedByteForByte() async throws {
        let world = try await World()
        let file = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("openapi/status-proxy.yaml")
        try expectEqual(world.get("/openapi.yaml").body, Array(Data(contentsOf: file)))
    }
}

@Suite(.blocking) struct CommandLineTests {
    private static let voucherKeys = [
        "VOUCHERS_APP_ID": "app", "VOUCHERS_APP_TOKEN": "hidden-token",
    ]

    private func run(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (code: Int32, text: String) {
        let program = try Program("status-proxy", arguments, environment: environment)
        return (try await program.exitCode(), program.text)
    }

    @Test func helpAndVersionArePrinted() async throws {
        let help = try await run(["--help"])
        expectEqual(help.code, 0)
        #expect(help.text.contains("check"))
        let version = try await run(["--version"])
        expectEqual(version.code, 0)
        expectEqual(version.text.split(separator: ".").count, 3)
    }

    @Test func wrongUsageEndsWith64() async throws {
        try await expectEqual(run(["--nonsense"]).code, 64)
    }

    @Test func checkPrintsTheEffectiveSettingsAndHidesSecrets() async throws {
        let (code, text) = try await run(["check"], Self.voucherKeys)
        expectEqual(code, 0)
        #expect(text.contains("VOUCHERS_APP_TOKEN=[secret]"))
        #expect(text.contains("VOUCHERS_MIN_INTERVAL=30s"))
        #expect(!text.contains("hidden-token"))
    }

    @Test(arguments: [
        ([:], "no source has credentials"),
        (["VOUCHERS_APP_ID": "a"], "half a credential"),
        (["VOUCHERS_MIN_INTERVAL": "5 minutes"], "VOUCHERS_MIN_INTERVAL"),
        (["VOUCHERS_MAX_INTERVAL": "1s"], "VOUCHERS_MAX_INTERVAL"),
        (["VOUCHERS_TIMEOUTS": "1s"], "is VOUCHERS_TIMEOUT meant?"),
        (["LISTEN_PORT": "70000"], "LISTEN_PORT"),
        (["STORE_URL": "redis://x"], "STORE_URL"),
    ])
    func aBadSettingStopsTheStartWithOneLine(
        _ settings: [String: String], _ words: String
    ) async throws {
        let base = settings.isEmpty || settings["VOUCHERS_APP_ID"] != nil ? [:] : Self.voucherKeys
        for command in ["serve", "check"] {
            let environment = base.merging(settings) { _, new in new }
            let (code, text) = try await run([command], environment)
            expectEqual(code, 78)
            #expect(text.contains(words), "\(text)")
            expectEqual(text.split(separator: "\n").count, 1, "\(text)")
            #expect(!text.contains("hidden-token"))
        }
    }

    @Test func anAddressInUseIsReportedInOneLine() async throws {
        let world = try await World()
        var environment = Self.voucherKeys
        environment["LISTEN_HOST"] = "192.0.2.1"  // an address that no machine has (RFC 5737)
        environment["STORE_URL"] = "memory:"
        let (code, text) = try await run([], environment)
        #expect(code != 0)
        #expect(text.contains("192.0.2.1"), "\(text)")
        withExtendedLifetime(world) {}
    }

    @Test func healthcheckReportsWhetherAServerIsAlive() async throws {
        let world = try await World()
        let url = "http://127.0.0.1:\(world.port)"
        try await expectEqual(run(["healthcheck", "--url", url]).code, 0)
        try await expectEqual(run(["healthcheck"], ["STATUS_PROXY_URL": url]).code, 0)
        try await world.killProxy()
        try await expectEqual(run(["healthcheck", "--url", url]).code, 1)
    }
}
