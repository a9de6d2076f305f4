// An https upstream: openssl's own server with a certificate made for the test.

import Glibc

struct CommandFailed: Error {
    var command: [String]
}

/// A child process whose output can be read. It is killed, by its number, when nobody holds it.
final class Child {
    private let number: pid_t
    private let output: Int32
    private var isOver = false

    init(_ command: [String]) throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw CommandFailed(command: command) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        var arguments = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var started = pid_t()
        let code = posix_spawnp(&started, command[0], &actions, nil, arguments, environ)
        _ = close(ends[1])
        guard code == 0 else {
            _ = close(ends[0])
            throw CommandFailed(command: command)
        }
        number = started
        output = ends[0]
    }

    deinit {
        if !isOver {
            _ = kill(number, SIGKILL)
            _ = waitpid(number, nil, 0)
        }
        _ = close(output)
    }

    /// The next line without its end; nil after the last, or when none came for 20 s.
    func readLine() -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        var polled = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        while poll(&polled, 1, 20_000) == 1, read(output, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }

    /// Runs a command to its end; its lines.
    static func run(_ command: [String]) throws -> [String] {
        let child = try Child(command)
        var lines: [String] = []
        while let line = child.readLine() { lines.append(line) }
        var status: Int32 = 0
        guard waitpid(child.number, &status, 0) == child.number else {
            throw CommandFailed(command: command)
        }
        child.isOver = true
        guard status == 0 else { throw CommandFailed(command: command) }
        return lines
    }
}

struct TestCertificate {
    var file: String
    var keyFile: String
}

/// A folder that goes when the test is over.
final class TestFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/upstream-curl-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CommandFailed(command: ["mkdtemp"]) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { _ = try? Child.run(["rm", "-r", path]) }

    /// A self-signed certificate for an IP address.
    func makeCertificate(_ name: String, address: String = "127.0.0.1") throws -> TestCertificate {
        let made = TestCertificate(file: "\(path)/\(name).pem", keyFile: "\(path)/\(name).key")
        _ = try Child.run([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-addext",
            "subjectAltName=IP:\(address)", "-keyout", made.keyFile, "-out", made.file,
        ])
        return made
    }

    /// A directory of certificates by hashed names, as a system has one.
    func makeTrustDirectory(_ certificate: TestCertificate) throws -> String {
        let folder = "\(path)/certs"
        let hash = try Child.run([
            "openssl", "x509", "-hash", "-noout", "-in", certificate.file,
        ])
        guard let name = hash.first, mkdir(folder, 0o700) == 0,
            symlink(certificate.file, "\(folder)/\(name).0") == 0
        else { throw CommandFailed(command: ["mkdir", folder]) }
        return folder
    }
}

/// Answers every GET over TLS with 200.
final class TLSServer {
    let port: UInt16
    private let child: Child

    init(_ certificate: TestCertificate) throws {
        child = try Child([
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-naccept", "20",
            "-cert", certificate.file, "-key", certificate.keyFile,
        ])
        while let line = child.readLine() {
            guard line.hasPrefix("ACCEPT "), let colon = line.lastIndex(of: ":"),
                let port = UInt16(line[line.index(after: colon)...])
            else { continue }
            self.port = port
            return
        }
        throw CommandFailed(command: ["openssl", "s_server"])
    }

    var url: String { "https://127.0.0.1:\(port)" }
}
