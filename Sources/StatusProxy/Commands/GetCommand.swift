// Looks one action up at a running server, for people and scripts: the exit code tells what became
// of it.

import ArgumentParser
import Glibc
import StatusCore

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Ask a running server for an action.",
        discussion: """
            Exit code: 0 succeeded, 1 failed, 2 partly succeeded, 3 not done, 4 not found, \
            5 trouble with the server or the upstream, 64 wrong usage.

            When the server has caller keys on, STATUS_PROXY_KEY holds the key.
            """)

    @Argument(help: "The action's id.")
    var id: String

    @Option(help: "Ask only this source.")
    var source: String?

    @Option(help: "How long to wait until the action is done, like 60s, also through trouble.")
    var wait: String?

    @Flag(help: "Print the server's JSON, be it an action or a problem.")
    var json = false

    @Option(help: "Where the server is, as for healthcheck.")
    var url: String?

    func validate() throws {
        guard ActionID(id) != nil else { throw ValidationError("'\(id)' is not an action id") }
        // What cannot be a name must not reach the query; which names there are, the server knows.
        if let source, ActionID(source) == nil {
            throw ValidationError("'\(source)' is not a source")
        }
        guard let wait else { return }
        guard DurationText.parse(wait) != nil else {
            throw ValidationError("--wait takes \(DurationText.form)")
        }
    }

    func run() throws {
        let environment = Environment.current()
        let answer: ServerAnswer
        do throws(ProbeFailure) {
            let place = try ServerPlace(url: url, environment: environment)
            let desk = ActionDesk(place: place, key: environment["STATUS_PROXY_KEY"])
            answer = try desk.ask(
                id, source: source, wait: wait.flatMap(DurationText.parse) ?? .zero)
        } catch {
            throw Refusal.exit("status-proxy: \(error)", code: ActionReport.troubleCode)
        }
        let report = ActionReport(answer)
        if json {
            print(String(decoding: answer.body, as: UTF8.self).escapedForTerminals)
        } else {
            for line in report.lines { print(line) }
        }
        throw ExitCode(report.exitCode)
    }
}

/// Asks until an action is done, or time is up.
struct ActionDesk {
    var place: ServerPlace
    var key: String?

    /// A server holds a request for WAIT_MAX at most, so a long wait takes several. This is less
    /// than the default, and what intermediaries let pass.
    private static let waitMax = Duration.seconds(30)

    func ask(_ id: String, source: String?, wait: Duration) throws(ProbeFailure) -> ServerAnswer {
        let deadline = SystemClock.now() + wait
        var hasAnswered = false
        while true {
            let left = min(deadline - SystemClock.now(), Self.waitMax)
            var pause = Duration.seconds(1)
            do throws(ProbeFailure) {
                let answer = try get(id, source, waitSeconds: max(0, left.secondsRoundedUp))
                guard answer.mayChange, SystemClock.now() < deadline else { return answer }
                hasAnswered = true
                pause = answer.pause(before: deadline, now: SystemClock.now())
            } catch {
                // One that has answered is being restarted; one that has not may not be there.
                guard hasAnswered, SystemClock.now() < deadline else { throw error }
            }
            usleep(UInt32(pause.nanoseconds / 1000))
        }
    }

    private func get(
        _ id: String, _ source: String?, waitSeconds: Int
    ) throws(ProbeFailure) -> ServerAnswer {
        var fields = ["Host: localhost"]
        if let key, !key.isEmpty { fields.append("Authorization: Bearer \(key)") }
        let query = source.map { "&source=\($0)" } ?? ""
        return try ServerLink.get(
            place, "/actions/\(id)?wait=\(waitSeconds)\(query)", fields: fields,
            timeoutSeconds: waitSeconds + 30)
    }
}

extension ServerAnswer {
    /// The same question may get another answer: an action that is not done, or not known yet, or
    /// trouble that passes.
    var mayChange: Bool {
        switch status {
        case 200: json["done"] == .bool(false)
        case 404: json["code"]?.string == "action-not-found"
        case 429, 500...599: true
        default: false
        }
    }

    /// How long to wait before asking again: until asking is of use, but not past the deadline. A 200
    /// has had its wait.
    func pause(before deadline: Instant, now: Instant) -> Duration {
        guard status != 200 else { return .zero }
        let seconds = min(max(1, json["retry_after"]?.integer ?? 1), Self.pauseSecondsMax)
        return max(.zero, min(.seconds(seconds), deadline - now))
    }

    private static let pauseSecondsMax: Int64 = 3600
}

/// What an answer says, for people and for scripts.
struct ActionReport: Equatable {
    var exitCode: Int32
    var lines: [String]

    static let troubleCode: Int32 = 5
}

extension ActionReport {
    init(_ answer: ServerAnswer) {
        let json = answer.json
        guard answer.status == 200, let status = json["status"]?.string else {
            exitCode = answer.status == 404 ? 4 : Self.troubleCode
            let code = json["code"]?.string ?? "no words"
            lines = ["\(answer.status) \(code)"]
            if let detail = json["detail"]?.string { lines[0] += ": \(detail)" }
            if let seconds = json["retry_after"]?.integer {
                lines.append("ask again in \(seconds) s")
            }
            lines = lines.map(\.onOneLine)
            return
        }
        exitCode = Self.exitCode(status, isDone: json["done"] == .bool(true))
        let words = [json["source"], json["type"], json["status"]].compactMap { $0?.string }
        lines = [words.joined(separator: " ")]
        if let progress = json["progress"]?.integer { lines[0] += " \(progress)%" }
        for (name, label) in [("succeeded", "succeeded"), ("failed", "failed")] {
            guard let count = json["counts"]?[name]?.integer else { continue }
            lines.append("\(label): \(count)")
        }
        for error in json["errors"]?.array ?? [] { lines.append(Self.line(error)) }
        if let reason = json["stale_reason"]?.string {
            lines.append("stale since \(json["checked_at"]?.string ?? "?"): \(reason)")
        }
        lines = lines.map(\.onOneLine)
    }

    private static func exitCode(_ status: String, isDone: Bool) -> Int32 {
        guard isDone else { return 3 }
        switch status {
        case "SUCCEEDED": return 0
        case "FAILED": return 1
        case "PARTIALLY_SUCCEEDED": return 2
        // Done, and the upstream does not say how: nobody may take that for success.
        default: return troubleCode
        }
    }

    private static func line(_ error: JSONValue) -> String {
        var line = "error \(error["code"]?.string ?? "")"
        if let message = error["message"]?.string { line += ": \(message)" }
        if let target = error["target"]?.string { line += " (\(target))" }
        return line
    }
}
