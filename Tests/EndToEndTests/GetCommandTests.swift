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
        #expect(try await get(world, DemoID.pendingVoucher).code == 3)
        #expect(try await get(world, DemoID.missingOrder).code == 4)
        #expect(try await get(world, "aa_000000000000000500").code == 5)
        #expect(try await get(world, "aa_000000000000000200").code == 0)
        #expect(try await get(world, "..").code == 64)
        #expect(try await get(world, DemoID.order, "--wait", "soon").code == 64)
        try await world.killProxy()
        #expect(try await get(world, DemoID.order).code == 5)
    }

    @Test func waitLastsUntilTheActionIsDone() async throws {
        let world = try await World(sandbox: ["--pending", "2s"])
        let (code, text) = try await get(world, DemoID.voucher, "--wait", "60s", "--json")
        #expect(code == 2)
        let json = try JSONReader.read(Array(text.utf8.dropLast()))
        #expect(json["status"]?.string == "PARTIALLY_SUCCEEDED")
        #expect(try await get(world, DemoID.voucher).text.contains("error ITEM_FAILED"))
    }

    @Test func waitGoesOnThroughTrouble() async throws {
        let world = try await World(["VOUCHERS_TIMEOUT": "1s"], sandbox: ["--pending", "1s"])
        // Nothing is stored, and the upstream fails: a 502 that passes.
        try world.setFault("vouchers", #"{"kind":"status","status":500}"#)
        let client = try Program(
            "status-proxy",
            ["get", DemoID.voucher, "--wait", "120s", "--url", "http://127.0.0.1:\(world.port)"])
        _ = try await world.proxy.wait(for: "the 502") {
            $0.contains("\"status\":502") ? true : nil
        }
        try world.setFault("vouchers", #"{"kind":"none"}"#)
        #expect(try await client.exitCode(seconds: 120) == 2)
        // Without a wait it ends with the first answer; with one, when time is up.
        #expect(try await get(world, DemoID.missingOrder, "--wait", "1s").code == 4)
        #expect(try await get(world, "aa_000000000000000500", "--wait", "1s").code == 5)
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
        #expect(try await client.exitCode(seconds: 120) == 2)
    }

    @Test func onlyTheNamedSourceIsAsked() async throws {
        let world = try await World()
        try await world.askUntilAmbiguous()
        #expect(try await get(world, "known-to-both").code == 5)
        let (code, text) = try await get(world, "known-to-both", "--source", "vouchers", "--json")
        #expect(code != 5 && text.contains("\"source\":\"vouchers\""), "\(text)")
        #expect(try await get(world, DemoID.voucher, "--source", "elsewhere").code == 5)
        #expect(try await get(world, DemoID.voucher, "--source", "a&wait=9").code == 64)
    }

    @Test func keyComesFromTheEnvironment() async throws {
        let folder = try TemporaryFolder()
        let key = try folder.write("key-one", to: "key")
        let digest = try await Tool.run("sha256sum", [key]).prefix(64)
        let path = try folder.write("app \(digest)\n", to: "keys")
        let world = try await World(["CALLER_KEYS_FILE": path])
        let refused = try await get(world, DemoID.pendingVoucher)
        #expect(refused.code == 5)
        #expect(refused.text.contains("401 unauthorized"))
        let keys = ["STATUS_PROXY_KEY": "key-one"]
        #expect(try await get(world, DemoID.pendingVoucher, environment: keys).code == 3)
    }
}
