// Checks that a running server is alive: for a container's health check.

import Glibc

enum HealthProbe {
    static let timeoutSeconds = 3

    /// - Throws: unless `/livez` answers 200 in time.
    static func check(_ place: ServerPlace) throws(ProbeFailure) {
        let descriptor = try ServerLink.connect(place, timeoutSeconds: timeoutSeconds)
        defer { close(descriptor) }
        try ServerLink.send("GET /livez HTTP/1.0\r\n\r\n", on: descriptor)
        let line = try statusLine(descriptor)
        guard line.hasPrefix("HTTP/1.1 200 ") else { throw .unhealthy(line) }
    }

    /// The answer's first line, or its beginning.
    private static func statusLine(_ descriptor: Int32) throws(ProbeFailure) -> String {
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while line.count < buffer.count, !line.contains(0x0D) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw ServerLink.systemFailure() }
            guard count > 0 else { throw .unreachable("it closed the connection unanswered") }
            line += buffer[..<count]
        }
        return String(decoding: line.prefix { $0 != 0x0D }, as: UTF8.self)
    }
}
