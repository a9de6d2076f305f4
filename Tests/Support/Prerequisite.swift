// What some tests need beyond the build's packages. A test without its prerequisite is skipped by name.

import Foundation
import Glibc
import Testing

public enum Prerequisite {
    /// The path of a program that `scripts/setup test` installs.
    public static func program(
        _ name: String, in folders: [String] = ["/usr/sbin", "/usr/bin"]
    ) throws -> String {
        let paths = folders.map { "\($0)/\(name)" }
        guard let path = paths.first(where: FileManager.default.isExecutableFile) else {
            try skip("\(name) is not installed (scripts/setup test)")
        }
        return path
    }

    /// The right to mount file systems.
    public static func root() throws { if geteuid() != 0 { try skip("only root can run it") } }

    /// The folder of a release build, since the promised speed is that of an optimised program.
    public static func releasePrograms() throws -> String {
        let folder = ProcessInfo.processInfo.environment["RELEASE_PROGRAMS"] ?? ""
        guard !folder.isEmpty else {
            try skip("RELEASE_PROGRAMS names no release build")
        }
        return folder
    }

    /// `scripts/test` counts these lines, since Swift Testing does not report a single cancelled case.
    private static func skip(_ reason: String) throws -> Never {
        print("skipped: \(Test.current?.name ?? "a test"): \(reason)")
        try Test.cancel(Comment(rawValue: reason))
    }
}
