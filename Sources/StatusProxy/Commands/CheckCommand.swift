// `status-proxy check`: prints the effective settings and their origin, and tries the connections
// that they name.

import ArgumentParser

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Validate the settings and print the effective ones, secrets hidden.",
        discussion: """
            Prints where each value comes from. Exit code: 0, 1 when something cannot be reached, \
            64 for wrong usage, 78 for an invalid setting.
            """)

    @Flag(
        help: """
            Also open the store, connect to each source and fetch its token. Changes nothing in the \
            store and makes no action call.
            """)
    var connect = false

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        var report: CheckReport
        do {
            report = try CheckReport(environment: Environment.current())
            if connect { report.checks = try ConnectionCheck.all(of: report.settings) }
        } catch {
            throw Refusal.exit("status-proxy: \(error)")
        }
        if json {
            print(report.json())
        } else {
            for line in report.lines { print(line.onOneLine) }
        }
        if !report.holds { throw ExitCode(1) }
    }
}
