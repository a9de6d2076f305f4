// Clients generated from openapi/status-proxy.yaml, once, and run by many tests.

import Foundation
import Locking
import TestSupport
import Testing

/// A client and the program that sends requests with it.
enum GeneratedClient: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// By openapi-python-client.
    case pythonFirst = "openapi-python-client"
    /// By openapi-generator.
    case pythonSecond = "openapi-generator, Python"
    case java = "openapi-generator, Java"

    var testDescription: String { rawValue }

    /// Sends requests to the server at `port`. Returns one line for each.
    func ask(port: Int, _ questions: [String]) async throws -> [String] {
        let tools = try GeneratorTools()
        try await GeneratedClients.written(by: tools)
        let arguments = ["http://127.0.0.1:\(port)"] + questions
        let text =
            switch self {
            case .pythonFirst: try await tools.run(tools.python, ["ask_first.py"] + arguments)
            case .pythonSecond: try await tools.run(tools.python, ["ask_second.py"] + arguments)
            case .java:
                try await tools.run(
                    tools.java,
                    GeneratorTools.quickStart + ["-cp", "\(tools.jar):classes", "Ask"] + arguments)
            }
        return text.split(separator: "\n").map(String.init)
    }
}

/// What `scripts/setup test` installs to generate clients and run them. Tests that need it are skipped
/// without it.
struct GeneratorTools: Sendable {
    let python: String
    let java: String
    let javac: String
    let jar: String

    /// The folder for generated clients, beside the programs that use them.
    static let place = URL(fileURLWithPath: Project.path(".build-tools/clients"))

    /// Programs that run for a second need no optimisation.
    static let quickStart = [
        "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8",
    ]

    init() throws {
        let folder = Project.path(".build-tools/bin")
        for name in ["openapi-python-client", "openapi-generator-cli"] {
            _ = try Prerequisite.program(name, in: [folder])
        }
        python = try Prerequisite.program("python", in: [folder])
        java = try Prerequisite.program("java")
        javac = try Prerequisite.program("javac")
        // Debian 12's Python.
        let packages = Project.path(".build-tools/lib/python3.11/site-packages")
        jar = "\(packages)/openapi_generator_cli/openapi-generator.jar"
    }

    /// Runs a program in the clients' folder, and returns its output.
    func run(_ program: String, _ arguments: [String]) async throws -> String {
        let program = try Program(
            program, arguments,
            environment: [
                "PYTHONPATH": ".:python", "PYTHONUTF8": "1", "HOME": Self.place.path,
            ],
            directory: Self.place)
        let code = try await program.exitCode(seconds: 300)
        guard code == 0 else { throw Program.Failure(description: program.text) }
        return program.text
    }
}

enum GeneratedClients {
    private static let writing = Guarded<Task<Void, any Error>?>(nil)

    /// Waits until the clients exist. The first caller generates them.
    static func written(by tools: GeneratorTools) async throws {
        let task = writing.withLock { task in
            if let task { return task }
            let first = Task { try await write(tools) }
            task = first
            return first
        }
        try await task.value
    }

    /// An earlier run's output is valid if it was generated from the same files.
    private static func write(_ tools: GeneratorTools) async throws {
        let files = FileManager.default
        let sources = "Tests/EndToEndTests/Clients"
        var inputs = [("status-proxy.yaml", try Project.text("openapi/status-proxy.yaml"))]
        for name in try files.contentsOfDirectory(atPath: Project.path(sources)).sorted() {
            inputs.append((name, try Project.text("\(sources)/\(name)")))
        }
        let place = GeneratorTools.place
        let stamp = place.appendingPathComponent("written-from")
        let all = inputs.map { "\($0)\n\($1)" }.joined()
        guard (try? String(contentsOf: stamp, encoding: .utf8)) != all else { return }
        try? files.removeItem(at: place)
        try files.createDirectory(at: place, withIntermediateDirectories: true)
        for (name, text) in inputs {
            let file = place.appendingPathComponent(name)
            try text.write(to: file, atomically: true, encoding: .utf8)
        }
        try await generate(tools)
        try all.write(to: stamp, atomically: true, encoding: .utf8)
    }

    private static func generate(_ tools: GeneratorTools) async throws {
        let paths = ["--path", "status-proxy.yaml", "--output-path", "generated_first"]
        _ = try await tools.run(
            tools.python,
            ["-m", "openapi_python_client", "generate", "--config", "generators.yaml"]
                + ["--meta", "none", "--fail-on-warning"] + paths)
        let quickStart = GeneratorTools.quickStart
        let log = try await tools.run(
            tools.java, quickStart + ["-jar", tools.jar, "batch", "python.yaml", "java.yaml"])
        guard !log.contains("WARN"), !log.contains("ERROR") else {
            throw Program.Failure(description: log)
        }
        let root = "java/src/main"
        let folder = GeneratorTools.place.appendingPathComponent(root).path
        let written =
            FileManager.default.enumerator(atPath: folder)?
            .compactMap { $0 as? String }.filter { $0.hasSuffix(".java") } ?? []
        _ = try await tools.run(
            tools.javac,
            quickStart.map { "-J\($0)" }
                + ["-encoding", "UTF-8", "-nowarn", "-proc:none", "-cp", tools.jar]
                + ["-d", "classes", "Generated.java", "Ask.java"] + written.map { "\(root)/\($0)" })
    }
}
