// The contract tried out by schemathesis: requests made from it, right and wrong ones, alone and one after
// the other, and each answer held against it.

import Foundation
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ContractFuzzTests {
    @Test func schemathesisHasNothingToSay() async throws {
        let program = try Prerequisite.program(
            "schemathesis", in: [Project.path(".build-tools/bin")])
        // Streams come to their end soon.
        let world = try await World(
            [
                "ORDERS_MIN_INTERVAL": "1s", "ORDERS_MAX_INTERVAL": "1s", "WAIT_MAX": "1s",
                "VOUCHERS_MIN_INTERVAL": "1s", "VOUCHERS_MAX_INTERVAL": "1s",
                "VOUCHERS_CALLS_PER_MINUTE": "6000", "VOUCHERS_CALLS_PER_DAY": "none",
            ], sandbox: ["--pending", "2s"])
        let folder = try TemporaryFolder()
        let contract = try folder.write(Self.contract(), to: "openapi.yaml")
        let tester = try Program(
            program,
            [
                "--config-file", Project.path("Tests/EndToEndTests/Clients/schemathesis.toml"),
                "run", contract, "--url", "http://127.0.0.1:\(world.port)", "--checks", "all",
                "--max-examples", "15", "--seed", "137", "--request-timeout", "60", "--no-color",
            ],
            environment: ["HOME": folder.url.path, "PYTHONUTF8": "1"],
            directory: folder.url)
        let code = try await tester.exitCode(seconds: 500)
        #expect(code == 0, "\(tester.text)")
        // In place of that, a warning or a failure is counted.
        #expect(tester.text.contains("No issues found in "))
    }

    /// The contract with the names of the sources that are configured here: it cannot know them, and any
    /// other is refused.
    private static func contract() throws -> String {
        let general = try Project.text("openapi/status-proxy.yaml")
        let ours = general.replacing(
            "schema: {type: string}\n      example: orders\n",
            with: "schema: {type: string, enum: [orders, vouchers]}\n")
        #expect(ours != general)
        return ours
    }
}
