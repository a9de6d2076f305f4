// The command line.

import ArgumentParser
import CLinux
import Dispatch
import Glibc
import StatusCore

@main
struct StatusProxyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status-proxy",
        abstract: "Answers GET /actions/{id} for Mirakl Connect and Voucherify actions, and keeps"
            + " their call limits whatever happens.",
        discussion: "Settings are environment variables, or keys of the JSON file that"
            + " CONFIG_FILE names. See docs/configuration.md.",
        version: ProgramVersion.text,
        subcommands: [
            ServeCommand.self, CheckCommand.self, GetCommand.self, SourcesCommand.self,
            ExplainCommand.self,
            HealthcheckCommand.self, AuditCommand.self,
        ],
        defaultSubcommand: ServeCommand.self)
}

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service (the default).")

    func run() throws {
        Self.ignoreSignals()
        linux_use_one_heap()
        do {
            let environment = Environment.current()
            let manager = try ServiceManager(environment: environment)
            let service = try Service(Settings(environment: environment), manager: manager)
            service.start()
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
        // Not dispatchMain(): it ends the main thread in a way that valgrind cannot follow.
        while true { pause() }
    }

    /// Signals that would end a process that knows nothing of them, from the first moment on: what other
    /// programs take for "log more" or "open the log again" (SIGUSR1, SIGUSR2), a file at its size limit,
    /// a reader that has gone, which both show as failed writes too, and SIGHUP, until it has its handler.
    private static func ignoreSignals() {
        for number in [SIGUSR1, SIGUSR2, SIGXFSZ, SIGPIPE, SIGHUP] { signal(number, SIG_IGN) }
    }
}

struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Ask a running server whether it is alive; exit 0 if it is.")

    @Option(
        help: """
            Where the server is, like http://127.0.0.1:8080 or unix:/path. Else STATUS_PROXY_URL, \
            else LISTEN_HOST and LISTEN_PORT.
            """)
    var url: String?

    func run() throws {
        do throws(ProbeFailure) {
            let place = try ServerPlace(url: url, environment: Environment.current())
            try HealthProbe.check(place)
        } catch {
            throw Refusal.exit("status-proxy: \(error)", code: 1)
        }
    }
}

/// Ends the program with one line.
enum Refusal {
    static func exit(_ line: String, code: Int32 = 78) -> any Error {
        write(line)
        return ExitCode(code)  // 78: EX_CONFIG
    }

    static func write(_ line: String) {
        let text = line.onOneLine + "\n"
        _ = text.withCString { Glibc.write(STDERR_FILENO, $0, strlen($0)) }
    }
}

enum Environment {
    /// A copy of the process's environment. To be made before there are other threads.
    static func current() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = linux_environment()
        while let text = entry?.pointee {
            let halves = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { variables[String(halves[0])] = String(halves[1]) }
            entry = entry?.advanced(by: 1)
        }
        return variables
    }
}
