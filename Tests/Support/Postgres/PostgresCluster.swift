// A private PostgreSQL server in a temporary folder, which is removed with its owner.

import Foundation
import Glibc

/// One data directory and, while it runs, its server on a port of the loopback address and on a Unix
/// socket in the folder.
///
/// `@unchecked Sendable`: `process` and `keeper` are accessed under `lock`; the rest is constant.
public final class PostgresCluster: @unchecked Sendable {
    public let folder: String
    public let port: Int
    private let settings: [String]
    private let lock = NSLock()
    private var process: Process?
    /// Ends the server: when this end closes, however the tests end, the server is stopped and its folder
    /// removed, unless a line was written before.
    private var keeper: Int32 = -1

    public struct Failure: Error, CustomStringConvertible {
        public var description: String
    }

    /// One server for all tests that only need a database; the first of them starts it.
    public static func shared() throws -> PostgresCluster {
        _ = try program("initdb")
        return try sharedResult.get()
    }

    private static let sharedResult = Result { try PostgresCluster() }

    /// Creates a cluster and starts it. `settings` are lines like `max_connections=5`.
    public convenience init(_ settings: [String] = []) throws {
        try self.init(settings) { cluster in
            try Self.run(
                "initdb",
                ["-D", cluster.data, "-A", "trust", "-U", "postgres", "-N", "-E", "UTF8"]
                    + ["--locale=C", "--no-instructions"])
        }
        try start()
    }

    /// Copies a running cluster (pg_basebackup), as its standby or as a backup. Does not start the copy.
    public convenience init(
        copyOf other: PostgresCluster, asStandby: Bool, _ settings: [String] = []
    ) throws {
        try self.init(settings) { cluster in
            try Self.run(
                "pg_basebackup",
                ["-D", cluster.data, "-h", other.folder, "-p", "\(other.port)", "-U", "postgres"]
                    + ["-c", "fast", "-X", "stream"] + (asStandby ? ["-R"] : []))
        }
    }

    private init(_ settings: [String], _ make: (PostgresCluster) throws -> Void) throws {
        self.settings = settings
        port = try Self.freePort()
        // Short, since a Unix socket's path has room for 107 bytes.
        var template = Array("/tmp/pg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "mkdtemp: \(errno)") }
        folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        chmod(folder, 0o755)
        if let user = Self.user { chown(folder, user.pw_uid, user.pw_gid) }
        try make(self)
    }

    deinit {
        try? stop(.immediate)
        try? FileManager.default.removeItem(atPath: folder)
    }

    public var data: String { "\(folder)/data" }

    public func url(user: String = "postgres", database: String, options: String = "") -> String {
        "postgresql://\(user)@127.0.0.1:\(port)/\(database)\(options.isEmpty ? "" : "?\(options)")"
    }

    // MARK: starting and stopping

    public enum Stop: Sendable {
        /// Disconnects all clients and writes everything to disk.
        case fast
        /// Stops as if the power had failed.
        case immediate
    }

    /// Starts the server and waits until it accepts connections.
    public func start() throws {
        var ends: [Int32] = [-1, -1]
        // Closed in all other child processes that are started meanwhile.
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw Failure(description: "socketpair: \(errno)")
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments =
            ["-c", Self.script, folder] + Self.asUser + [try Self.program("postgres")]
            + arguments
        process.standardInput = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        lock.withLock {
            self.process = process
            keeper = ends[1]
        }
        try untilReady()
    }

    /// Becomes the server. It leaves a process behind that stops the server when the script's standard
    /// input ends. That process is not the server's child, since a server reports unknown children.
    private static let script = """
        exec 3<&0
        end() {
            read -r _ <&3 && return
            kill -QUIT $$
            for _ in $(seq 300); do kill -0 $$ || break; sleep 0.1; done
            rm -rf "$0"
        }
        ( (end 2>&-) & )
        exec "$@" <&- 3<&-
        """

    private var arguments: [String] {
        let usual = [
            "listen_addresses=127.0.0.1", "unix_socket_directories=\(folder)", "fsync=off",
            "full_page_writes=off", "max_connections=400", "shared_buffers=16MB",
            "autovacuum_naptime=1h", "log_destination=stderr", "logging_collector=on",
            "log_directory=\(folder)", "log_filename=server.log", "wal_level=replica",
            "max_wal_senders=4", "wal_keep_size=64MB", "hot_standby=on",
        ]
        return ["-D", data, "-p", "\(port)"] + (usual + settings).flatMap { ["-c", $0] }
    }

    /// Stops the server and waits for its end. Does nothing if it does not run.
    public func stop(_ how: Stop) throws {
        let (process, keeper) = lock.withLock {
            defer {
                self.process = nil
                self.keeper = -1
            }
            return (self.process, self.keeper)
        }
        guard let process else { return }
        let server = process.processIdentifier
        kill(server, how == .fast ? SIGINT : SIGQUIT)
        let deadline = Date() + 60
        while Self.isAtWork(server), Date() < deadline { letPass(.milliseconds(5)) }
        let isOver = !Self.isAtWork(server)
        // Only now is the process waited for: what watches it holds Foundation's line to it, too.
        _ = send(keeper, "\n", 1, Int32(MSG_NOSIGNAL))
        close(keeper)
        guard isOver else { throw Failure(description: "the server does not stop") }
    }

    /// Whether it still runs: neither gone nor a zombie (proc(5)).
    private static func isAtWork(_ process: Int32) -> Bool {
        let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
        return text.map { !$0.contains(") Z ") } ?? false
    }

    /// Promotes a running standby, and waits until it is the primary.
    public func promote() throws {
        let session = try SQLSession(url(database: "postgres"))
        _ = try session.query("SELECT pg_promote(true, 30)")
    }

    private func untilReady() throws {
        let deadline = Date() + 60
        while Date() < deadline {
            if let session = try? SQLSession(url(database: "postgres")),
                (try? session.query("SELECT 1")) != nil
            {
                return
            }
            guard lock.withLock({ process?.isRunning }) == true else { break }
            letPass(.milliseconds(20))
        }
        throw Failure(description: "no server on \(port):\n\(log)")
    }

    public var log: String {
        (try? String(contentsOfFile: "\(folder)/server.log", encoding: .utf8)) ?? "no log"
    }

    // MARK: programs

    /// The user that runs the server: root may not, so for root it is the user of Debian's package.
    private static var user: passwd? {
        guard geteuid() == 0, let entry = getpwnam("postgres") else { return nil }
        return entry.pointee
    }

    private static var asUser: [String] {
        user == nil
            ? []
            : ["/usr/bin/setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
    }

    private static func program(_ name: String) throws -> String {
        try Prerequisite.program(name, in: [binaries])
    }

    /// The folder of the programs: `POSTGRES_BINARIES` if set, else that of Debian's newest version. Debian
    /// keeps each major version in its own folder.
    private static let binaries: String = {
        if let folder = ProcessInfo.processInfo.environment["POSTGRES_BINARIES"] { return folder }
        let root = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        let folders = versions.compactMap { Int($0) }.sorted(by: >).map { "\(root)/\($0)/bin" }
        return folders.first {
            FileManager.default.isExecutableFile(atPath: "\($0)/initdb")
        } ?? "/usr/bin"
    }()

    private static func run(_ name: String, _ arguments: [String]) throws {
        let process = Process()
        let command = asUser + [try program(name)] + arguments
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.currentDirectoryURL = URL(fileURLWithPath: "/tmp")
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw Failure(description: "\(name): \(String(decoding: text, as: UTF8.self))")
        }
    }

    /// A port below the kernel's ephemeral ports and below those of other tests.
    private static func freePort() throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 12_000..<20_000)
            let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            defer { close(probe) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = UInt16(port).bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            let code = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(probe, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if code == 0 { return port }
        }
        throw Failure(description: "no free port")
    }
}
