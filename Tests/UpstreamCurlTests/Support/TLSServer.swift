// An https upstream: openssl's server with a certificate made for the test, behind a relay that can
// hold up handshakes.

import Glibc
import Locking
import StatusCore

@testable import UpstreamCurl

struct CommandFailed: Error {
    var command: [String]
}

/// A child process whose output can be read. It is killed, by its id, when its last owner is gone.
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

    /// The next line without its line end; nil after the last, or if none arrived within 20 s.
    func readLine() -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        var polled = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
        while poll(&polled, 1, 60_000) == 1, read(output, &byte, 1) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
    }

    /// Runs a command to its end. Returns its lines.
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

/// A folder that is removed after the test.
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

    /// A directory of certificates by hashed names, like the system's.
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

    init(_ certificate: TestCertificate, options: [String] = []) throws {
        child = try Child(
            [
                "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-naccept", "20",
                "-cert", certificate.file, "-key", certificate.keyFile,
            ] + options)
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

/// A TLS server behind a relay that holds each client's first bytes, with its handshake started, until
/// the test's action is done.
final class HeldTLSServer: Sendable {
    private let loopback: LoopbackServer
    private let state: Guarded<State>

    private struct State {
        var meanwhile: @Sendable () -> Void = {}
        var sent: [[UInt8]] = []
    }

    init(before server: TLSServer) {
        let (state, port) = (Guarded(State()), server.port)
        self.state = state
        loopback = LoopbackServer { peer in
            guard peer.awaitBytes() else { return }
            state.withLock { $0.meanwhile }()
            let sent = peer.relay(to: port)
            state.withLock { $0.sent.append(sent) }
        }
    }

    var url: String { "https://127.0.0.1:\(loopback.port)" }

    /// The action during each handshake from now on.
    func hold(_ meanwhile: @escaping @Sendable () -> Void) {
        state.withLock { $0.meanwhile = meanwhile }
    }

    func finish() async { await loopback.finish() }

    /// How many records of application data the client has sent on each connection. Those of handshakes
    /// have other types (RFC 5246 6.2.1).
    var dataRecords: [Int] {
        state.withLock { $0.sent }.map { bytes in
            var (count, rest) = (0, bytes[...])
            while let type = rest.first, rest.count >= 5 {
                if type == 23 { count += 1 }
                let length = rest.dropFirst(3).prefix(2).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(5 + length)
            }
            return count
        }
    }
}

/// Passes a client of a ``HeldTLSServer`` to `use`, then waits for the server's end. Returns how many
/// records of application data arrived on each connection.
@discardableResult
func withHeldHandshakes(
    _ clock: TestClock, use: (CurlUpstreamClient, HeldTLSServer) async throws -> Void
) async throws -> [Int] {
    let folder = try TestFolder()
    let certificate = try folder.makeCertificate("held")
    // Later versions disguise their handshakes as application data (RFC 8446 5.2).
    let behind = try TLSServer(certificate, options: ["-tls1_2"])
    let server = HeldTLSServer(before: behind)
    let multi = try CurlMulti()
    let client = CurlUpstreamClient(
        multi: multi, endpoint: try .test(server.url), clock: clock.read,
        trust: TrustAnchors(extraFile: certificate.file), limits: ResponseLimits())
    try await use(client, server)
    await multi.close()
    await server.finish()
    return withExtendedLifetime((behind, folder)) { server.dataRecords }
}
