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
            + " CONFIG_FILE names. See the README.",
        version: ProgramVersion.text,
        subcommands: [ServeCommand.self, CheckCommand.self, HealthcheckCommand.self],
        defaultSubcommand: ServeCommand.self)
}

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Run the service (the default).")

    func run() throws {
        do {
            let service = try Service(Settings(environment: Environment.current()))
            service.start()
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
        dispatchMain()
    }
}

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validate the settings and print the effective ones, secrets hidden.")

    func run() throws {
        let environment = Environment.current()
        do {
            let settings = try Settings(environment: environment)
            let raw = try RawSettings(environment: environment)
            for name in SettingName.allCases {
                guard let text = raw.text(name) else { continue }
                print("\(name.rawValue)=\(name.isSecret ? "[secret]" : text)")
            }
            let sources = settings.configured.map(\.rawValue).joined(separator: ", ")
            print("# valid; upstreams that are on: \(sources)")
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
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
        let text = line.split(separator: "\n").joined(separator: " ") + "\n"
        _ = text.withCString { write(STDERR_FILENO, $0, strlen($0)) }
        return ExitCode(code)  // 78: EX_CONFIG
    }
}

enum Environment {
    /// A copy of the process's environment. Nothing in this program changes it.
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
