// A small file system that tests can fill.

import Foundation
import Glibc
import TestSupport

/// A file system in memory, small enough to be filled. Needs root.
final class SmallDisk {
    let path: String
    private let kibibytes: Int

    init(kibibytes: Int) throws {
        try Prerequisite.root()
        self.kibibytes = kibibytes
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("small-disk-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try Self.check(mount("tmpfs", path, "tmpfs", 0, "size=\(kibibytes)k"), "mount")
    }

    deinit {
        umount2(path, Int32(MNT_DETACH))
        rmdir(path)
    }

    /// Fills it to the last byte.
    func fill() throws {
        let file = open("\(path)/filler", O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try Self.check(file < 0 ? -1 : 0, "open")
        defer { close(file) }
        let page = [UInt8](repeating: 0, count: 4096)
        while write(file, page, page.count) > 0 {}
    }

    func makeRoom() throws { try Self.check(unlink("\(path)/filler"), "unlink") }

    func remount(_ mode: String) throws {
        let flags = UInt(MS_REMOUNT) | (mode == "ro" ? UInt(MS_RDONLY) : 0)
        try Self.check(mount("tmpfs", path, "tmpfs", flags, "size=\(kibibytes)k"), "remount")
    }

    private static func check(_ code: Int32, _ call: String) throws {
        guard code == 0 else {
            throw Program.Failure(description: "\(call): \(String(cString: strerror(errno)))")
        }
    }
}
