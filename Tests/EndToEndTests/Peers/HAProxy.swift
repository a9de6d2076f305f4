// HAProxy in front of one or more services, with its health checks.

import Foundation

/// A running HAProxy. It never retries, so that a request lost by a service is noticed.
final class HAProxy {
    let program: Program
    let port: Int
    private let statisticsPort: Int
    private let folder: TemporaryFolder

    /// `check` are the backend's lines for health checks; empty: none. With `caches` it caches answers
    /// as long as they allow.
    init(servicePorts: [Int], check: [String] = [], caches: Bool = false) async throws {
        folder = try TemporaryFolder()
        port = try LoopbackAddress.freePort()
        statisticsPort = try LoopbackAddress.freePort()
        let servers = servicePorts.enumerated().map { index, port in
            "server s\(index) 127.0.0.1:\(port)\(check.isEmpty ? "" : " check")"
        }
        // It caches nothing that varies by Accept.
        let cacheRules = [
            "http-request cache-use answers", "http-response del-header Vary",
            "http-response cache-store answers",
        ]
        let text = """
            global
                log stdout format raw local0
                maxconn 1000
            defaults
                mode http
                timeout connect 5s
                timeout client 60s
                timeout server 60s
                timeout check 5s
                retries 0
            cache answers
                total-max-size 4
                max-age 86400
            frontend front
                bind 127.0.0.1:\(port)
                default_backend service
            frontend statistics
                bind 127.0.0.1:\(statisticsPort)
                stats enable
                stats uri /
            backend service
                log global
                option log-health-checks
                http-reuse always
                default-server inter 200ms fall 2 rise 1
            \((check + (caches ? cacheRules : []) + servers).map { "    \($0)\n" }.joined())
            """
        let file = try folder.write(text, to: "haproxy.cfg")
        // -db: in the foreground, one process.
        program = try Program(Tool.path(of: "haproxy"), ["-db", "-f", file])
        try await Tool.untilListening(program, on: port)
    }

    deinit { program.signal(SIGKILL) }

    /// Waits until HAProxy has logged that `times` times in all.
    func said(_ words: String, times: Int = 1) async throws {
        _ = try await program.wait(for: words) { text in
            text.ranges(of: words).count >= times ? true : nil
        }
    }

    /// One column of a server's statistics, such as `reuse`.
    func statistic(_ name: String, ofServer index: Int = 0) throws -> String? {
        let socket = try RawSocket(port: statisticsPort)
        try socket.send("GET /;csv HTTP/1.0\r\n\r\n")
        let text = String(decoding: try socket.rest(), as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline)
        let cells = { (line: Substring) in
            line.split(separator: ",", omittingEmptySubsequences: false)
        }
        guard let names = lines.first(where: { $0.hasPrefix("# pxname") }).map(cells),
            let row = lines.first(where: { $0.hasPrefix("service,s\(index),") }).map(cells),
            let column = names.firstIndex(of: name[...]), column < row.count
        else { return nil }
        return String(row[column])
    }
}
