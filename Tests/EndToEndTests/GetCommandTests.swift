// `status-proxy get` against the running service.

import StatusCore
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct GetCommandTests {
    private func get(
        _ world: World, _ arguments: String..., environment: [String: String] = [:]
    ) async throws -> (code: Int32, text: String) {
        let place = ["--url", "http://127.0.0.1:\(world.port)"]
        let program = try Program(
            "status-proxy", ["get"] + arguments + place, environment: environment)
        return (try await program.exitCode(), program.text)
    }

    @Test func exitCodesAreThoseOfTheHelp() async throws {
        let world = try await World(["ORDERS_TIMEOUT": "30s", "VOUCHERS_TIMEOUT": "30s"])
        try await expectEqual(get(world, DemoID.pendingVoucher).code, 3)
        try await expectEqual(get(world, DemoID.missingOrder).code, 4)
        try await expectEqual(get(world, "aa_000000000000000500").code, 5)
        try await expectEqual(get(world, "aa_000000000000000200").code, 0)
        try await expectEqual(get(world, "..").code, 64)
        try await expectEqual(get(world, DemoID.order, "--wait", "soon").code, 64)
        try await world.killProxy()
        try await expectEqual(get(world, DemoID.order).code, 5)
    }

    @Test func waitLastsUntilTheActionIsDone() async throws {
        let world = try await World(sandbox: ["--pending", "2s"])
        let (code, text) = try await get(world, DemoID.voucher, "--wait", "60s", "--json")
        expectEqual(code, 2)
        let json = try JSONReader.read(Array(text.utf8.dropLast()))
        expectEqual(json["status"]?.string, "PARTIALLY_SUCCEEDED")
        #expect(try await get(world, DemoID.voucher).text.contains("error ITEM_FAILED"))
    }

    @Test func waitContinuesDuringFailures() async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "1s"], sandbox: ["--pending", "1s"])
        // Nothing is stored, and the upstream fails: a temporary 502.
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        let client = try Program(
            "status-proxy",
            ["get", DemoID.voucher, "--wait", "120s", "--url", "http://127.0.0.1:\(world.port)"])
        _ = try await world.proxy.wait(for: "the 502") {
            $0.contains("\"status\":502") ? true : nil
        }
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        try await expectEqual(client.exitCode(seconds: 120), 2)
        // Without a wait it ends after the first answer; with one, when the time is over.
        try await expectEqual(get(world, DemoID.missingOrder, "--wait", "1s").code, 4)
        try await expectEqual(get(world, "aa_000000000000000500", "--wait", "1s").code, 5)
    }

    @Test func waitGoesOnWhileTheServerIsRestarted() async throws {
        let port = try LoopbackAddress.freePort()
        let world = try await World(
            ["LISTEN_PORT": "\(port)", "VOUCHERS_TIMEOUT": "1s"], sandbox: ["--pending", "1s"])
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        let client = try Program(
            "status-proxy",
            ["get", DemoID.voucher, "--wait", "120s", "--url", "http://127.0.0.1:\(port)"])
        _ = try await world.proxy.wait(for: "the 502") {
            $0.contains("\"status\":502") ? true : nil
        }
        try await world.killProxy()
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        try await world.restartProxy()
        try await expectEqual(client.exitCode(seconds: 120), 2)
    }

    @Test func onlyTheNamedSourceIsAsked() async throws {
        let world = try await World()
        try await world.askUntilAmbiguous()
        try await expectEqual(get(world, "known-to-both").code, 5)
        let (code, text) = try await get(world, "known-to-both", "--source", "vouchers", "--json")
        #expect(code != 5 && text.contains("\"source\":\"vouchers\""), "\(text)")
        try await expectEqual(get(world, DemoID.voucher, "--source", "elsewhere").code, 5)
        try await expectEqual(get(world, DemoID.voucher, "--source", "a&wait=9").code, 64)
    }

    // MARK: Several, and on a terminal

    @Test func ofSeveralActionsTheWorstCounts() async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "30s"])
        let done = "aa_000000000000000200"
        let two = try await get(world, done, DemoID.pendingVoucher)
        expectEqual(two.code, 3)
        expectEqual(
            two.text.split(separator: "\n").filter { $0.first != " " }.map {
                $0.prefix { $0 != " " }
            },
            [
                "\(done):", "\(DemoID.pendingVoucher):",
            ])
        let failed = "00000000-0000-4000-8000-000000001200"
        let three = try await get(world, DemoID.pendingVoucher, failed, done)
        expectEqual(three.code, 1)
        #expect(three.text.contains("\n  error "))
        try await expectEqual(get(world, DemoID.missingOrder, failed, done).code, 4)
        try await expectEqual(get(world, done, "..").code, 64)
        let json = try await get(world, done, DemoID.pendingVoucher, "--json")
        let ids = try json.text.split(separator: "\n")
            .map { try JSONReader.read(Array($0.utf8))["id"]?.string }
        expectEqual(ids, [done, DemoID.pendingVoucher])
    }

    /// What a terminal shows during a wait for two actions, and what remains of it.
    private func watch(
        _ world: World, _ environment: [String: String] = [:], columns: UInt16 = 80
    ) async throws -> (live: String, code: Int32) {
        let terminal = try Terminal(columns: columns)
        let program = try Program(
            "status-proxy",
            [
                "get", DemoID.voucher, "aa_000000000000000200", "--wait", "60s", "--url",
                "http://127.0.0.1:\(world.port)",
            ], environment: environment, terminal: terminal)
        let code = try await program.exitCode()
        try await eventually("the whole output") {
            terminal.text.contains("\(DemoID.voucher): vouchers ")
        }
        return (terminal.text, code)
    }

    @Test func terminalShowsEachActionsProgressWhileItIsWaitedFor() async throws {
        let world = try await World(sandbox: ["--pending", "3s"])
        let (text, code) = try await watch(world)
        expectEqual(code, 2)
        #expect(text.contains("\(DemoID.voucher)  "))
        #expect(text.contains("PENDING") || text.contains("IN_PROGRESS"))
        #expect(text.contains("[####################] 100%"))
        #expect(text.contains("\u{1B}[32mSUCCEEDED\u{1B}[0m"))
        // Overwritten, and cleared in the end: only the report remains.
        #expect(text.contains("\u{1B}[2A\u{1B}[J"))
        let end = text.ranges(of: "\u{1B}[J").last?.upperBound
        let report = text[(end ?? text.startIndex)...]
        #expect(!report.contains("\u{1B}"))
        #expect(report.contains("\(DemoID.voucher): vouchers "))
    }

    @Test func noColorAndANarrowTerminalAreRespected() async throws {
        let world = try await World(sandbox: ["--pending", "2s"])
        let plain = try await watch(world, ["NO_COLOR": "1"])
        #expect(plain.live.contains("SUCCEEDED") && !plain.live.contains("\u{1B}[32m"))
        let narrow = try await watch(world, columns: 30)
        let live = narrow.live.split(separator: "\u{1B}").dropLast()
        #expect(
            live.allSatisfy { part in part.split(separator: "\r\n").allSatisfy { $0.count < 32 } })
        let dumb = try await watch(world, ["TERM": "dumb"])
        #expect(!dumb.live.contains("\u{1B}"))
    }

    @Test func withoutATerminalAWaitIsSilent() async throws {
        let world = try await World(sandbox: ["--pending", "2s"])
        let (code, text) = try await get(world, DemoID.voucher, "--wait", "60s")
        expectEqual(code, 2)
        #expect(!text.contains("\u{1B}") && text.hasPrefix("vouchers "))
    }

    @Test func explanationIsReadInSentences() async throws {
        let world = try await World()
        _ = try world.get("/actions/\(DemoID.pendingVoucher)")
        let place = ["--url", "http://127.0.0.1:\(world.port)"]
        let program = try Program("status-proxy", ["explain", DemoID.pendingVoucher] + place)
        try await expectEqual(program.exitCode(), 0)
        let lines = program.text.split(separator: "\n")
        expectEqual(lines.first?.contains(", as vouchers answered at "), true)
        #expect(lines.contains { $0.contains("answered, after ") })
        let json = try Program(
            "status-proxy", ["explain", DemoID.pendingVoucher, "--json"] + place)
        try await expectEqual(json.exitCode(), 0)
        let summary = try JSONReader.read(Array(json.text.utf8.dropLast()))["summary"]?.string
        expectEqual(summary?.contains(", as vouchers answered at "), true)
        try await expectEqual(Program("status-proxy", ["explain", ".."] + place).exitCode(), 64)
        try await world.killProxy()
        let gone = try Program("status-proxy", ["explain", DemoID.pendingVoucher] + place)
        try await expectEqual(gone.exitCode(), 5)
    }

    @Test(arguments: ["bash", "zsh", "fish"])
    func completionsAreMadeFromTheCommands(shell: String) async throws {
        let program = try Program("status-proxy", ["--generate-completion-script", shell])
        try await expectEqual(program.exitCode(), 0)
        for word in [
            "get", "explain", "sources", "check", "audit", "healthcheck", "wait", "connect", "json",
        ] {
            #expect(program.text.contains(word))
        }
    }

    @Test func keyComesFromTheEnvironment() async throws {
        let folder = try TemporaryFolder()
        let key = try folder.write("key-one", to: "key")
        let digest = try await Tool.run("sha256sum", [key]).prefix(64)
        let path = try folder.write("app \(digest)\n", to: "keys")
        let world = try await World(["CALLER_KEYS_FILE": path])
        let refused = try await get(world, DemoID.pendingVoucher)
        expectEqual(refused.code, 5)
        #expect(refused.text.contains("401 unauthorized"))
        let keys = ["STATUS_PROXY_KEY": "key-one"]
        try await expectEqual(get(world, DemoID.pendingVoucher, environment: keys).code, 3)
    }
}
