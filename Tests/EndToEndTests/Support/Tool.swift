// Finds and runs the system programs that the tests start.

import Foundation
import TestSupport

enum Tool {
    /// Runs a program to its end and returns its output. A failure contains all of it.
    static func run(_ name: String, _ arguments: [String]) async throws -> String {
        let program = try Program(path(of: name), arguments)
        let code = try await program.exitCode(seconds: 120)
        guard code == 0 else {
            throw Program.Failure(description: "\(name) ended with \(code):\n\(program.text)")
        }
        return program.text
    }

    static func path(of name: String) throws -> String { try Prerequisite.program(name) }

    /// Waits until a process accepts connections on `port`.
    static func untilListening(_ program: Program, on port: Int) async throws {
        try await eventually("listener on \(port): \(program.text)") {
            guard program.isRunning else { throw Program.Failure(description: program.text) }
            return (try? RawSocket(port: port)) != nil
        }
    }
}

/// A folder that is removed with its owner.
final class TemporaryFolder {
    let url = FileManager.default.temporaryDirectory
        .appendingPathComponent("status-proxy-\(UUID().uuidString)")

    init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// Writes a file and returns its path.
    func write(_ text: String, to name: String) throws -> String {
        let file = url.appendingPathComponent(name)
        try text.write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }
}
