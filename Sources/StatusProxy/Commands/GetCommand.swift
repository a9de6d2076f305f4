// `status-proxy get`: requests actions from a running server, for people and scripts. The exit code
// is the outcome.

import ArgumentParser
import Dispatch
import Glibc
import Locking
import StatusAPI
import StatusCore

struct GetCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Ask a running server for actions.",
        discussion: """
            Exit code: 0 succeeded, 1 failed, 2 partly succeeded, 3 not done, 4 not found, \
            5 an error of the server or the upstream, 64 wrong usage. For several actions the worst \
            counts, in the order 0, 3, 2, 1, 4, 5.

            When the server has caller keys on, STATUS_PROXY_KEY holds the key. On a terminal, a wait \
            shows the progress of each action; NO_COLOR switches colours off.
            """)

    @Argument(help: "The actions' ids.")
    var ids: [String]

    @Option(help: "Ask only this source.")
    var source: String?

    @Option(help: "How long to wait for the actions to be done, such as 60s; failures are retried.")
    var wait: String?

    @Flag(help: "Print the server's JSON, one action or problem a line.")
    var json = false

    @Option(help: "Where the server is, as for healthcheck.")
    var url: String?

    func validate() throws {
        guard (1...APILimits.batchIDsMax).contains(ids.count) else {
            throw ValidationError("give 1 to \(APILimits.batchIDsMax) ids")
        }
        for id in ids where ActionID(id) == nil {
            throw ValidationError("'\(id)' is not an action id")
        }
        // Only a possible name may reach the query; the server knows which sources there are.
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
        let wait = wait.flatMap(DurationText.parse) ?? .zero
        let answers: [Result<ServerAnswer, ProbeFailure>]
        do throws(ProbeFailure) {
            let place = try ServerPlace(url: url, environment: environment)
            let view = json || wait == .zero ? nil : LiveView(ids, environment: environment)
            let desk = ActionDesk(
                place: place, key: environment["STATUS_PROXY_KEY"], source: source, wait: wait)
            answers = Self.ask(ids, desk, view)
        } catch {
            throw Refusal.exit("status-proxy: \(error)", code: ActionReport.troubleCode)
        }
        let codes = zip(ids, answers).map(report)
        throw ExitCode(ActionReport.worst(codes))
    }

    /// Prints the result for one action; returns its exit code.
    private func report(_ id: String, _ answer: Result<ServerAnswer, ProbeFailure>) -> Int32 {
        let name = ids.count > 1 ? "\(id): " : ""
        switch answer {
        case .failure(let failure):
            Refusal.write("status-proxy: \(name)\(failure)")
            return ActionReport.troubleCode
        case .success(let answer):
            let report = ActionReport(answer)
            if json {
                print(String(decoding: answer.body, as: UTF8.self).escapedForTerminals)
            } else {
                for (index, line) in report.lines.enumerated() {
                    print(index == 0 ? name + line : (ids.count > 1 ? "  " : "") + line)
                }
            }
            return report.exitCode
        }
    }

    /// Requests each action on its own thread, since each has its own wait.
    private static func ask(
        _ ids: [String], _ desk: ActionDesk, _ view: LiveView?
    ) -> [Result<ServerAnswer, ProbeFailure>] {
        let answers = Guarded([Int: Result<ServerAnswer, ProbeFailure>]())
        let group = DispatchGroup()
        for (index, id) in ids.enumerated() {
            DispatchQueue(label: "status-proxy.get").async(group: group) {
                let answer = Result { () throws(ProbeFailure) in
                    try desk.ask(id, stepwise: view != nil) { view?.show($0, at: index) }
                }
                answers.withLock { $0[index] = answer }
            }
        }
        while group.wait(timeout: .now() + LiveView.redrawSpan) == .timedOut { view?.draw() }
        view?.erase()
        return answers.withLock { answers in ids.indices.compactMap { answers[$0] } }
    }
}

/// Requests an action until it is done, or the time is over.
struct ActionDesk: Sendable {
    var place: ServerPlace
    var key: String?
    var source: String?
    var wait: Duration

    /// A server holds a request for at most WAIT_MAX, so a long wait takes several requests. This
    /// is less than the default, and than usual time-outs of intermediaries.
    private static let waitMax = Duration.seconds(30)
    /// The wait of each request when every change is shown, since a change can come between two
    /// requests.
    private static let stepMax = Duration.seconds(5)

    /// `show` gets each answer as it arrives.
    func ask(
        _ id: String, stepwise: Bool, show: (ServerAnswer) -> Void
    ) throws(ProbeFailure) -> ServerAnswer {
        let deadline = SystemClock.now() + wait
        var hasAnswered = false
        while true {
            let most = stepwise && hasAnswered ? Self.stepMax : Self.waitMax
            let left = stepwise && !hasAnswered ? .zero : min(deadline - SystemClock.now(), most)
            var pause = Duration.seconds(1)
            do throws(ProbeFailure) {
                let answer = try get(id, waitSeconds: max(0, left.secondsRoundedUp), stepwise)
                show(answer)
                guard answer.mayChange, SystemClock.now() < deadline else { return answer }
                hasAnswered = true
                pause = answer.pause(before: deadline, now: SystemClock.now())
            } catch {
                // A server that has answered before is being restarted; another one may not exist.
                guard hasAnswered, SystemClock.now() < deadline else { throw error }
            }
            usleep(UInt32(pause.nanoseconds / 1000))
        }
    }

    private func get(
        _ id: String, waitSeconds: Int, _ stepwise: Bool
    ) throws(ProbeFailure) -> ServerAnswer {
        let query = (stepwise ? "&until=change" : "") + (source.map { "&source=\($0)" } ?? "")
        return try ServerLink.get(
            place, "/actions/\(id)?wait=\(waitSeconds)\(query)", key: key,
            timeoutSeconds: waitSeconds + 30)
    }
}

extension ServerAnswer {
    /// Whether a later request may get another answer: the action is not done or not known yet, or
    /// the failure is temporary.
    var mayChange: Bool {
        switch status {
        case 200: json["done"] == .bool(false)
        case 404: json["code"]?.string == "action-not-found"
        case 429, 500...599: true
        default: false
        }
    }

    /// How long to wait before the next request: until it is useful, but not past the deadline.
    /// After a 200 there is no pause, since the request has waited.
    func pause(before deadline: Instant, now: Instant) -> Duration {
        guard status != 200 else { return .zero }
        let seconds = min(max(1, json["retry_after"]?.integer ?? 1), Self.pauseSecondsMax)
        return max(.zero, min(.seconds(seconds), deadline - now))
    }

    private static let pauseSecondsMax: Int64 = 3600
}
