// `status-proxy explain`: prints a running server's explanation of an action.

import ArgumentParser
import StatusCore

struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Ask a running server why its answer for an action is what it is.",
        discussion: """
            Causes no upstream call. When the server has caller keys on, STATUS_PROXY_KEY holds \
            the key. Exit code: 0, or 5 for an error of the server.
            """)

    @Argument(help: "The action's id.")
    var id: String

    @OptionGroup var server: ServerQuestion

    func validate() throws {
        guard ActionID(id) != nil else { throw ValidationError("'\(id)' is not an action id") }
    }

    func run() throws {
        let answer = try server.ask(
            "/actions/\(id)/explain", accept: server.json ? nil : "text/plain")
        let text = String(decoding: answer.body, as: UTF8.self)
        if server.json { return print(text.escapedForTerminals) }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            print(String(line).onOneLine)
        }
    }
}
