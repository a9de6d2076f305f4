// Where the commands find a running server.

import ArgumentParser

/// Why the server is not known to be alive.
enum ProbeFailure: Error, CustomStringConvertible {
    case place(String)
    case settings(SettingFailure)
    case unreachable(String)
    case unhealthy(String)

    var description: String {
        switch self {
        case .place(let text): "'\(text)' is not a server's address like http://127.0.0.1:8080"
        case .settings(let failure): "\(failure)"
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .unhealthy(let line): "the server's answer is not as expected: \(line)"
        }
    }
}

/// Where a server listens.
enum ServerPlace: Equatable {
    case tcp(host: String, port: String)
    case unix(path: String)

    /// From `url`, else STATUS_PROXY_URL, else the settings LISTEN_HOST and LISTEN_PORT.
    init(url: String?, environment: [String: String]) throws(ProbeFailure) {
        let said = environment["STATUS_PROXY_URL"].flatMap { $0.isEmpty ? nil : $0 }
        if let text = url ?? said {
            guard let place = Self.parse(text) else { throw .place(text) }
            self = place
        } else {
            self = try Self.listening(environment)
        }
    }

    private static func listening(
        _ environment: [String: String]
    ) throws(ProbeFailure) -> ServerPlace {
        let raw: RawSettings
        do { raw = try RawSettings(environment: environment) } catch { throw .settings(error) }
        let host = raw.text(SettingName.listenHost) ?? ""
        let port = raw.text(SettingName.listenPort) ?? ""
        if host.hasPrefix("unix:") { return .unix(path: String(host.dropFirst("unix:".count))) }
        let name =
            host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        // A wildcard address is for listening, not for connecting.
        return .tcp(host: ["0.0.0.0": "127.0.0.1", "::": "::1"][name] ?? name, port: port)
    }

    private static func parse(_ text: String) -> ServerPlace? {
        if text.hasPrefix("unix:") {
            let path = text.dropFirst("unix:".count)
            return path.isEmpty ? nil : .unix(path: String(path))
        }
        guard text.hasPrefix("http://") else { return nil }
        let authority = text.dropFirst("http://".count).prefix { $0 != "/" }
        guard authority.hasPrefix("[") else {
            let host = authority.prefix { $0 != ":" }
            return tcp(host, authority[host.endIndex...])
        }
        // An IPv6 address is in brackets.
        guard let end = authority.firstIndex(of: "]") else { return nil }
        return tcp(authority[..<end].dropFirst(), authority[end...].dropFirst())
    }

    /// `rest` is the text after the host: empty, or a colon and the port.
    private static func tcp(_ host: Substring, _ rest: Substring) -> ServerPlace? {
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return .tcp(host: String(host), port: "80") }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
        return .tcp(host: String(host), port: String(port))
    }
}

/// One request to a running server: options and environment come in, its answer goes out.
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
