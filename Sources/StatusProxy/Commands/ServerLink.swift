// A minimal HTTP client: one request to a running server, on its own socket; and the check that it
// is alive.

import Glibc
import StatusCore

/// A server's answer.
struct ServerAnswer: Equatable {
    var status: Int
    var body: [UInt8]

    /// The body as JSON, or null.
    var json: JSONValue { (try? JSONReader.read(body)) ?? .null }
}

enum ServerLink {
    /// An Action has at most the 8 MiB of an upstream's answer, and a few members.
    static let answerBytesMax = 16 << 20

    /// Sends one GET and reads the whole answer. HTTP/1.0 avoids chunks.
    static func get(
        _ place: ServerPlace, _ target: String, key: String?, accept: String? = nil,
        timeoutSeconds: Int
    ) throws(ProbeFailure) -> ServerAnswer {
        var fields = ["Host: localhost"]
        if let key, !key.isEmpty { fields.append("Authorization: Bearer \(key)") }
        if let accept { fields.append("Accept: \(accept)") }
        let descriptor = try connect(place, timeoutSeconds: timeoutSeconds)
        defer { close(descriptor) }
        let lines = ["GET \(target) HTTP/1.0"] + fields
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n", on: descriptor)
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while bytes.count <= answerBytesMax {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw systemFailure() }
            guard count > 0 else { return try answer(bytes) }
            bytes += buffer[..<count]
        }
        throw .unreachable("its answer is too large")
    }

    private static func answer(_ bytes: [UInt8]) throws(ProbeFailure) -> ServerAnswer {
        let gap = Array("\r\n\r\n".utf8)
        let line = bytes.prefix { $0 != UInt8(ascii: "\r") }
        let words = line.split(separator: UInt8(ascii: " "))
        guard line.starts(with: "HTTP/1.".utf8), words.count > 1,
            let status = Int(String(decoding: words[1], as: UTF8.self)),
            let end = bytes.indices.first(where: { bytes[$0...].starts(with: gap) })
        else { throw .unhealthy(String(decoding: line.prefix(80), as: UTF8.self)) }
        return ServerAnswer(status: status, body: Array(bytes[(end + gap.count)...]))
    }

    static func send(_ request: String, on descriptor: Int32) throws(ProbeFailure) {
        let count = Glibc.send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL))
        guard count == request.utf8.count else { throw systemFailure() }
    }

    // MARK: Connecting

    static func connect(
        _ place: ServerPlace, timeoutSeconds: Int
    ) throws(ProbeFailure) -> Int32 {
        switch place {
        case .unix(let path): return try connectUnix(path, timeoutSeconds)
        case .tcp(let host, let port): return try connectTCP(host, port, timeoutSeconds)
        }
    }

    private static func connectUnix(
        _ path: String, _ timeoutSeconds: Int
    ) throws(ProbeFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard path.utf8.count < field.count else { return false }
            field.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { throw .place("unix:\(path)") }
        let descriptor = try newSocket(AF_UNIX, timeoutSeconds)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard code == 0 else {
            defer { close(descriptor) }
            throw systemFailure()
        }
        return descriptor
    }

    private static func connectTCP(
        _ host: String, _ port: String, _ timeoutSeconds: Int
    ) throws(ProbeFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &found)
        guard code == 0, let first = found else {
            throw .unreachable(String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(first) }
        // Tries every address: localhost is often ::1 first, where no server may listen.
        var failure = ProbeFailure.unreachable("the name has no address")
        var next: UnsafeMutablePointer<addrinfo>? = first
        while let address = next?.pointee {
            do { return try connect(address, timeoutSeconds) } catch { failure = error }
            next = address.ai_next
        }
        throw failure
    }

    private static func connect(
        _ address: addrinfo, _ timeoutSeconds: Int
    ) throws(ProbeFailure) -> Int32 {
        let descriptor = try newSocket(address.ai_family, timeoutSeconds)
        guard Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
            defer { close(descriptor) }
            throw systemFailure()
        }
        return descriptor
    }

    private static func newSocket(
        _ family: Int32, _ timeoutSeconds: Int
    ) throws(ProbeFailure) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw systemFailure() }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        return descriptor
    }

    static func systemFailure() -> ProbeFailure {
        .unreachable(String(cString: strerror(errno)))
    }
}

/// Checks that a running server is alive: for a container's health check.
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
