// Checks the contract with validators of OpenAPI documents.

import Foundation
import TestSupport
import Testing

/// Validators that share no code, each with its output for a valid document.
struct ContractValidator: Sendable, CustomTestStringConvertible {
    var name: String
    var arguments: [String]
    var approval: String

    static let all = [
        // The schema of OpenAPI 3.1, and its rules beyond that.
        ContractValidator(
            name: "openapi-spec-validator", arguments: ["--validation-errors", "all"],
            approval: "openapi.yaml: OK\n"),
        // Its own models, which accept no unknown member.
        ContractValidator(name: "aiopenapi3", arguments: ["validate"], approval: "OK\n"),
    ]

    var testDescription: String { name }

    /// Its output for a document.
    func opinion(of document: String) async throws -> String {
        let program = try Prerequisite.program(name, in: [Project.path(".build-tools/bin")])
        let folder = try TemporaryFolder()
        _ = try folder.write(document, to: "openapi.yaml")
        let validator = try Program(
            program, arguments + ["openapi.yaml"],
            environment: ["HOME": folder.url.path, "PYTHONUTF8": "1"], directory: folder.url)
        _ = try await validator.exitCode(seconds: 120)
        return validator.text
    }
}

@Suite(.blocking) struct ContractValidatorOrdealTests {
    @Test(arguments: ContractValidator.all)
    func contractIsAcceptedWithoutAComplaint(validator: ContractValidator) async throws {
        let contract = try Project.text("openapi/status-proxy.yaml")
        try await expectEqual(validator.opinion(of: contract), validator.approval)
    }

    @Test(
        arguments: ContractValidator.all,
        [
            ("operationId: headAction\n", "operationId: getAction\n"),
            ("in: query", "in: body"),
            ("components/responses/Batch'", "components/responses/Nobody'"),
            ("type: boolean", "type: bool"),
            ("security: [", "securities: ["),
        ])
    func brokenContractIsNotAccepted(
        validator: ContractValidator, flaw: (part: String, other: String)
    ) async throws {
        let contract = try Project.text("openapi/status-proxy.yaml")
        let broken = contract.replacing(flaw.part, with: flaw.other, maxReplacements: 1)
        try #require(broken != contract)
        #expect(try await validator.opinion(of: broken) != validator.approval)
    }
}
