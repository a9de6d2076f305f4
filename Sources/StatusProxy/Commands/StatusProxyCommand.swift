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
        abstract: "Answers GET /actions/{id} for Mirakl Connect and Voucherify actions, and never"
            + " exceeds their call limits.",
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
        // Not dispatchMain(): valgrind cannot follow how it ends the main thread.
        while true { pause() }
    }

    /// Ignores, from the start, signals whose default action ends the process: SIGUSR1 and SIGUSR2,
    /// which other programs use for their logs; those for a file at its size limit and for a closed
    /// pipe, which failed writes report, too; and SIGHUP, until it has its handler.
    private static func ignoreSignals() {
        for number in [SIGUSR1, SIGUSR2, SIGXFSZ, SIGPIPE, SIGHUP] { signal(number, SIG_IGN) }
    }
}

struct HealthcheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Check that a running server is alive; exit code 0 if it is.")

    @Option(
        help: """
            The server's address, such as http://127.0.0.1:8080 or unix:/path. By default \
            STATUS_PROXY_URL, else LISTEN_HOST and LISTEN_PORT.
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

/// Ends the program with one line on standard error.
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
    /// A copy of the process's environment. Must be made before other threads start.
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
