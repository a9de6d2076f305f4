// Tests the contract with schemathesis: it generates valid and invalid requests, alone and in sequence,
// and checks each answer.

import Foundation
import TestSupport
import Testing

@Suite(.blocking, .timeLimit(.minutes(10)))
struct ContractFuzzOrdealTests {
    /// Without caller keys, and with this one.
    @Test(arguments: [nil, "key-one"])
    func schemathesisFindsNoFault(key: String?) async throws {
        let program = try Prerequisite.program(
            "schemathesis", in: [Project.path(".build-tools/bin")])
        // So that streams end soon.
        var settings = [
            "ORDERS_MIN_INTERVAL": "1s", "ORDERS_MAX_INTERVAL": "1s", "WAIT_MAX": "1s",
            "VOUCHERS_MIN_INTERVAL": "1s", "VOUCHERS_MAX_INTERVAL": "1s",
            "VOUCHERS_CALLS_PER_MINUTE": "6000", "VOUCHERS_CALLS_PER_DAY": "none",
        ]
        if key != nil {
            settings["CALLER_KEYS_FILE"] = Project.path("Tests/EndToEndTests/Corpus/caller-keys")
        }
        let world = try await World(settings, sandbox: ["--pending", "2s"])
        let folder = try TemporaryFolder()
        let contract = try folder.write(Self.contract(needsKey: key != nil), to: "openapi.yaml")
        let tester = try Program(
            program,
            [
                "--config-file", Project.path("Tests/EndToEndTests/Clients/schemathesis.toml"),
                "run", contract, "--url", "http://127.0.0.1:\(world.port)", "--checks", "all",
                "--max-examples", "15", "--seed", "137", "--request-timeout", "60", "--no-color",
            ] + (key.map { ["--header", "Authorization: Bearer \($0)"] } ?? []),
            environment: ["HOME": folder.url.path, "PYTHONUTF8": "1"],
            directory: folder.url)
        let code = try await tester.exitCode(seconds: 500)
        expectEqual(code, 0, "\(tester.text)")
        // Instead, a warning or a failure is counted.
        #expect(tester.text.contains("No issues found in "))
    }

    /// The contract for this service: with its sources' names, since any other is refused, and with
    /// keys required or not, since a contract cannot express that it depends on a setting.
    private static func contract(needsKey: Bool) throws -> String {
        var text = try Project.text("openapi/status-proxy.yaml")
        for (general, ours) in [
            (
                "schema: {type: string}\n      example: orders\n",
                "schema: {type: string, enum: [orders, vouchers]}\n      example: orders\n"
            ),
            (
                "security: [{}, {callerKey: []}]",
                "security: [\(needsKey ? "{callerKey: []}" : "{}")]"
            ),
        ] {
            try #require(text.contains(general))
            text = text.replacing(general, with: ours)
        }
        return text
    }
}
