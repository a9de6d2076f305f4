// Has a running server explain an action, in sentences.

import ArgumentParser
import StatusCore

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Ask a running server why its answer for an action is what it is.",
        discussion: """
            Causes no call to an upstream. When the server has caller keys on, STATUS_PROXY_KEY \
            holds the key. Exit code: 0, or 5 for trouble with the server.
            """)

    @Argument(help: "The action's id.")
    var id: String

    @Flag(help: "Print the server's JSON.")
    var json = false

    @Option(help: "Where the server is, as for healthcheck.")
    var url: String?

    func validate() throws {
        guard ActionID(id) != nil else { throw ValidationError("'\(id)' is not an action id") }
    }

    func run() throws {
        let environment = Environment.current()
        let answer: ServerAnswer
        do throws(ProbeFailure) {
            let place = try ServerPlace(url: url, environment: environment)
            answer = try ServerLink.get(
                place, "/actions/\(id)/explain", key: environment["STATUS_PROXY_KEY"],
                accept: json ? nil : "text/plain", timeoutSeconds: 30)
        } catch {
            throw Refusal.exit("status-proxy: \(error)", code: ActionReport.troubleCode)
        }
        guard answer.status == 200 else {
            for line in ActionReport(answer).lines { print(line) }
            throw ExitCode(ActionReport.troubleCode)
        }
        let text = String(decoding: answer.body, as: UTF8.self)
        if json { return print(text.escapedForTerminals) }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            print(String(line).onOneLine)
        }
    }
}
