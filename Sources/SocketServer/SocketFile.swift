// The file of a Unix socket: removed if stale, but never if it belongs to another process.

import Glibc

/// The file that a bind created, identified by device and inode.
struct SocketFile: Sendable {
    private let path: String
    private let device: UInt
    private let inode: UInt

    init?(at path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        self.path = path
        device = UInt(status.st_dev)
        inode = UInt(status.st_ino)
    }

    /// Removes the file, unless there is another one by now: a successor may have bound the path
    /// during the drain.
    func remove() {
        guard let now = SocketFile(at: path), now.device == device, now.inode == inode else {
            return
        }
        unlink(path)
    }

    /// The number of attempts to lock the folder, and the time between two of them.
    private static let lockTries = 500
    private static let lockPause: UInt32 = 10_000

    /// Runs `body` while no other service does the same in the folder of `path`. A socket that is
    /// bound and does not listen yet looks stale: of two services that start at the same time, the
    /// second would remove the first one's file.
    static func alone<Result: ~Copyable>(
        at path: String, _ body: () throws(SocketFailure) -> Result
    ) throws(SocketFailure) -> Result {
        let end = path.lastIndex(of: "/")
        let folder = end.map { String(path[...$0]) } ?? "."
        let number = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { if number >= 0 { close(number) } }
        // Others may hold the lock for long: the start continues without it.
        for _ in 0..<lockTries {
            guard number >= 0, flock(number, LOCK_EX | LOCK_NB) != 0 else { break }
            usleep(lockPause)
        }
        return try body()
    }

    /// Prepares for a bind: removes a socket on which no process listens, left over from a crash.
    static func removeStale(_ path: String, _ address: sockaddr_un) throws(SocketFailure) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .pathTaken(path) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard let probe = Descriptor(returned: socket(AF_UNIX, kind, 0)) else {
            throw .failed("socket", on: path)
        }
        var address = address
        let code = withAddress(&address) { connect(probe.number, $0, $1) }
        guard code != 0, errno == ECONNREFUSED else { throw .pathTaken(path) }
        guard unlink(path) == 0 || errno == ENOENT else { throw .failed("unlink", on: path) }
    }

    static func address(of path: String) throws(SocketFailure) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // One byte stays 0, to end the text.
        let capacity = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard !bytes.isEmpty, bytes.count <= capacity, !bytes.contains(0) else {
            throw .pathUnusable(path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return address
    }

    static func withAddress(
        _ address: inout sockaddr_un, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
