// `status-proxy sources` and `status-proxy explain`: print what a running server says of its
// sources, and of an action.

import ArgumentParser
import StatusCore

struct SourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources",
        abstract: "Show the state of a running server's sources.",
        discussion: """
            Causes no upstream call. When the server has caller keys on, STATUS_PROXY_KEY holds \
            the key. Exit code: 0, 1 when a source is not called, 5 for an error of the server.
            """)

    @OptionGroup var server: ServerQuestion

    func run() throws {
        let answer = try server.ask("/sources")
        guard let sources = answer.json["sources"]?.array else {
            let failure = ProbeFailure.unhealthy("its answer has no sources")
            throw Refusal.exit("status-proxy: \(failure)", code: ActionReport.troubleCode)
        }
        if server.json {
            print(String(decoding: answer.body, as: UTF8.self).escapedForTerminals)
        } else {
            for line in Self.lines(sources) { print(line.onOneLine) }
        }
        if sources.contains(where: { $0["state"]?.string != "ok" }) { throw ExitCode(1) }
    }

    /// A row for each source, then the reasons of those that are not called.
    static func lines(_ sources: [JSONValue]) -> [String] {
        let heads = [
            "source", "kind", "state", "left/min", "left/day", "pending", "finished", "calls",
            "saved",
            "smallest gap", "last answer",
        ]
        let reasons = sources.compactMap { source in
            source["reason"]?.string.map { "\(source["name"]?.string ?? ""): \($0)" }
        }
        return TextTable.lines([heads] + sources.map(row)) + reasons
    }

    private static func row(_ source: JSONValue) -> [String] {
        func text(_ value: JSONValue?) -> String {
            switch value {
            case .string(let text), .number(let text): text
            default: "-"
            }
        }
        func left(_ budget: JSONValue?) -> String {
            budget?["limit"] == nil ? "-" : "\(text(budget?["left"]))/\(text(budget?["limit"]))"
        }
        let (budget, actions, calls) = (source["budget"], source["actions"], source["calls"])
        let gap = source["smallest_gap_seconds"].map { "\(text($0)) s" } ?? "-"
        return [
            text(source["name"]), text(source["kind"]), text(source["state"]),
            left(budget?["minute"]), left(budget?["day"]), text(actions?["pending"]),
            text(actions?["finished"]), text(calls?["made"]), text(calls?["saved"]), gap,
            text(source["last_answer_at"]),
        ]
    }
}

/// `status-proxy explain`: prints a running server's explanation of an action.
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
