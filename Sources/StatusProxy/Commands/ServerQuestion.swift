// One request to a running server: options and environment come in, its answer goes out.

import ArgumentParser

struct ServerQuestion: ParsableArguments {
    @Flag(help: "Print the server's JSON.")
    var json = false

    @Option(help: "The server's address, as for healthcheck.")
    var url: String?

    /// The answer to a GET, with status 200.
    ///
    /// - Throws: the exit code for an error of the server, after printing the error.
    func ask(_ target: String, accept: String? = nil) throws -> ServerAnswer {
        let environment = Environment.current()
        let answer: ServerAnswer
        do throws(ProbeFailure) {
            answer = try ServerLink.get(
                ServerPlace(url: url, environment: environment), target,
                key: environment["STATUS_PROXY_KEY"], accept: accept, timeoutSeconds: 30)
        } catch {
            throw Refusal.exit("status-proxy: \(error)", code: ActionReport.troubleCode)
        }
        guard answer.status == 200 else {
            for line in ActionReport(answer).lines { print(line) }
            throw ExitCode(ActionReport.troubleCode)
        }
        return answer
    }
}
