// Runs a built program as a child process: starts it, reads its output, signals it, waits for it.

import Foundation
import Locking
import TestSupport

/// A running program. Its output goes to a file: a pipe's end could be inherited by another child that
/// is started at the same moment, and then the pipe would never close.
final class Program: Sendable {
    private let process: Guarded<ProcessBox>
    private let output: URL

    /// `@unchecked Sendable`: only accessed under the lock around it.
    private struct ProcessBox: @unchecked Sendable {
        let process: Process
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// Where the build put the programs: beside the test bundle.
    static let folder: URL = {
        let bundle = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let candidates = [
            bundle.deletingLastPathComponent(),
            Bundle(for: Program.self).bundleURL.deletingLastPathComponent(),
            Bundle.main.bundleURL,
        ]
        return candidates.first {
            FileManager.default.isExecutableFile(
                atPath: $0.appendingPathComponent("status-proxy").path)
        } ?? candidates[0]
    }()

    /// `name` is a program of the build, or an absolute path.
    init(
        _ name: String, _ arguments: [String] = [], environment: [String: String] = [:],
        directory: URL? = nil, terminal: Terminal? = nil
    ) throws {
        let process = Process()
        let isPath = name.hasPrefix("/")
        process.executableURL =
            isPath ? URL(fileURLWithPath: name) : Self.folder.appendingPathComponent(name)
        process.arguments = arguments
        var merged = ["PATH": "/usr/bin:/bin"]
        for name in ["ASAN_OPTIONS", "TSAN_OPTIONS", "LD_LIBRARY_PATH"] {
            merged[name] = ProcessInfo.processInfo.environment[name]
        }
        merged.merge(environment) { _, new in new }
        process.environment = merged
        process.currentDirectoryURL = directory
        self.process = Guarded(ProcessBox(process: process))
        output = FileManager.default.temporaryDirectory
            .appendingPathComponent("\(URL(fileURLWithPath: name).lastPathComponent)-\(UUID()).log")
        _ = FileManager.default.createFile(atPath: output.path, contents: nil)
        let handle = try FileHandle(forWritingTo: output)
        // In append mode, so that two descriptors do not overwrite each other's output.
        _ = fcntl(handle.fileDescriptor, F_SETFL, O_APPEND)
        process.standardOutput = terminal?.handle ?? handle
        process.standardError = handle
        try process.run()
    }

    deinit {
        process.withLock { if $0.process.isRunning { kill($0.process.processIdentifier, SIGKILL) } }
        try? FileManager.default.removeItem(at: output)
    }

    var text: String { (try? String(contentsOf: output, encoding: .utf8)) ?? "" }
    var identifier: Int32 { process.withLock { $0.process.processIdentifier } }
    var isRunning: Bool { process.withLock { $0.process.isRunning } }

    func signal(_ number: Int32) { kill(identifier, number) }

    /// Waits until `read` finds something in the output.
    func wait<Found>(
        seconds: Double = 60, for what: String, _ read: (String) -> Found?
    ) async throws -> Found {
        var found: Found?
        try await eventually("\(what) in the output:\n\(text)", within: .seconds(seconds)) {
            let isOver = !isRunning
            found = read(text)
            return found != nil || isOver
        }
        guard let found else { throw Failure(description: "no \(what) in the output:\n\(text)") }
        return found
    }

    /// Waits for the end and returns the exit code; a signal's number is negative.
    func exitCode(seconds: Double = 60) async throws -> Int32 {
        try await eventually("its exit:\n\(text)", within: .seconds(seconds)) { !isRunning }
        return process.withLock { box in
            box.process.terminationReason == .uncaughtSignal
                ? -box.process.terminationStatus : box.process.terminationStatus
        }
    }
}
