// The files of a path: the database, its write-ahead log and the log's index.

internal import Glibc

/// Identifies a file at a path.
struct FileIdentity: Equatable {
    var device: UInt64
    var inode: UInt64

    /// Nil if there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}

/// The three files of an open database. If any of them is replaced, other processes no longer see
/// the writes of this one.
struct StoreFiles: Equatable {
    var main: FileIdentity?
    var log: FileIdentity?
    var index: FileIdentity?

    init(_ path: String) {
        main = FileIdentity(path)
        log = FileIdentity(path + Self.logSuffix)
        index = FileIdentity(path + Self.indexSuffix)
    }

    /// The resolved path, also through links to a file that does not exist yet: SQLite puts the log
    /// beside the file, not beside a link to it. Nil, with errno set, if it cannot be resolved: a
    /// folder is missing (also in `none/..`, which SQLite would accept), or links form a cycle.
    static func resolve(_ path: String) -> String? {
        var path = path
        for _ in 0..<linksMax {
            if let real = realPath(path) { return real }
            guard errno == ENOENT else { return nil }
            let (folder, name) = parts(path)
            guard !["", ".", ".."].contains(name), let folder = realPath(folder) else { return nil }
            let place = folder == "/" ? "/" + name : "\(folder)/\(name)"
            guard let target = linkTarget(place) else { return place }
            path = target.hasPrefix("/") ? target : "\(folder)/\(target)"
        }
        errno = ELOOP
        return nil
    }

    /// Why no database can be kept at the path, as far as that can be checked without opening it.
    static func fault(_ path: String) -> String? {
        guard let place = resolve(path) else {
            return errno == ENOENT ? "its folder does not exist" : "it has no folder: \(lastError)"
        }
        var status = stat()
        if stat(place, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else { return "what is there is not a file" }
            guard access(place, R_OK | W_OK) == 0 else {
                return "the file cannot be read and written: \(lastError)"
            }
        }
        // The log and its index are created and deleted beside it.
        guard canMakeFiles(in: parts(place).folder) else {
            return "its folder cannot be written: \(lastError)"
        }
        return nil
    }

    /// Tries it, since a folder's mode does not show everything that can forbid it.
    private static func canMakeFiles(in folder: String) -> Bool {
        let trial = "\(folder)/.status-proxy-\(getpid())"
        let descriptor = open(trial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return errno == EEXIST }
        unlink(trial)
        close(descriptor)
        return true
    }

    /// The files contain results of actions.
    private static let ownersOnly: mode_t = 0o600

    /// Creates the database's file, if it is missing, for its owner only, whatever the umask is.
    /// SQLite gives the log and the index the same mode.
    static func make(_ path: String) {
        let made = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, ownersOnly)
        guard made >= 0 else { return }
        _ = fchmod(made, ownersOnly)
        close(made)
    }

    /// Restricts existing files to their owner, too. Returns warnings for operators, a line for
    /// each.
    ///
    /// Opens no file, since closing one would release SQLite's locks on it (fcntl(2)).
    static func narrow(_ path: String) -> [String] {
        [path, path + logSuffix, path + indexSuffix].compactMap { path in
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & 0o077 != 0 else { return nil }
            let mode = String(status.st_mode & 0o777, radix: 8)
            guard chmod(path, ownersOnly) == 0 else {
                return "\(path): its mode \(mode) lets others use it and cannot be changed:"
                    + " \(lastError)"
            }
            return "\(path): its mode was \(mode) and is 600 now, for its owner alone"
        }
    }

    private static let linksMax = 40

    private static var lastError: String { String(cString: strerror(errno)) }

    private static func realPath(_ path: String) -> String? {
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func parts(_ path: String) -> (folder: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let folder = path[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
    }

    /// Nil if there is no link.
    private static func linkTarget(_ path: String) -> String? {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &text, text.count)
        guard count >= 0 else { return nil }
        return String(decoding: text[..<count].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether all three exist.
    var isWhole: Bool { main != nil && log != nil && index != nil }

    static func hasLog(_ path: String) -> Bool { FileIdentity(path + logSuffix) != nil }

    private static let logSuffix = "-wal"
    private static let indexSuffix = "-shm"
    private static let setAsideMax = 1000

    /// Moves the remaining files at the path to `<path>.<word>-<n>`, so that nothing is lost: all
    /// three files, or only the log and its index. Returns the new name.
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
