// Which files a path leads to: the database, its write-ahead log and the log's index.

internal import Glibc

/// What tells one file from another at the same path.
struct FileIdentity: Equatable {
    var device: UInt64
    var inode: UInt64

    /// Nil when there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// The three files of an open database. If any of them is another one, other processes no longer
/// see what this one writes.
struct StoreFiles: Equatable {
    var main: FileIdentity?
    var log: FileIdentity?
    var index: FileIdentity?

    init(_ path: String) {
        main = FileIdentity(path)
        log = FileIdentity(path + Self.logSuffix)
        index = FileIdentity(path + Self.indexSuffix)
    }

    /// Where the path really leads: SQLite puts the log beside the file, not beside a link to it.
    static func resolve(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// All three are there.
    var isWhole: Bool { main != nil && log != nil && index != nil }

    static func hasLog(_ path: String) -> Bool { FileIdentity(path + logSuffix) != nil }

    private static let logSuffix = "-wal"
    private static let indexSuffix = "-shm"
    private static let setAsideMax = 1000

    /// Moves what remains at the path to `<path>.<word>-<n>`, so that nothing is lost: all three
    /// files, or only the log and its index. Tells the new name.
    static func setAside(
        _ path: String, as word: String, onlyLog: Bool = false
    ) throws(SQLiteFailure) -> String {
        let target = try freeName(path, word)
        for suffix in (onlyLog ? [] : [""]) + [logSuffix, indexSuffix] {
            guard FileIdentity(path + suffix) != nil else { continue }
            guard rename(path + suffix, target + suffix) == 0 else {
                throw .failed("moving \(path)\(suffix) aside: errno \(errno)")
            }
        }
        return target
    }

    private static func freeName(_ path: String, _ word: String) throws(SQLiteFailure) -> String {
        for number in 1...setAsideMax {
            let name = "\(path).\(word)-\(number)"
            let isFree = ["", logSuffix, indexSuffix].allSatisfy { FileIdentity(name + $0) == nil }
            if isFree { return name }
        }
        throw .failed("over \(setAsideMax) files are set aside beside \(path)")
    }
}
