// The smallest of clients: one question to a running server, for a container's health check.

import Glibc

/// Why the server is not known to be alive.
enum ProbeFailure: Error, CustomStringConvertible {
    case place(String)
    case unreachable(String)
    case unhealthy(String)

    var description: String {
        switch self {
        case .place(let text): "'\(text)' is not a server's place like http://127.0.0.1:8080"
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .unhealthy(let line): "the server is not well: \(line)"
        }
    }
}

/// Where a server listens.
enum ServerPlace: Equatable {
    case tcp(host: String, port: String)
    case unix(path: String)

    init(url: String?, environment: [String: String]) throws(ProbeFailure) {
        if let text = url ?? environment["STATUS_PROXY_URL"] {
            guard let place = Self.parse(text) else { throw .place(text) }
            self = place
            return
        }
        let host = environment["LISTEN_HOST"] ?? "127.0.0.1"
        let port = environment["LISTEN_PORT"] ?? "8080"
        if host.hasPrefix("unix:") {
            self = .unix(path: String(host.dropFirst("unix:".count)))
        } else {
            // A wildcard address is listened on, not connected to.
            self = .tcp(host: ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host, port: port)
        }
    }

    private static func parse(_ text: String) -> ServerPlace? {
        if text.hasPrefix("unix:") { return .unix(path: String(text.dropFirst("unix:".count))) }
        guard text.hasPrefix("http://") else { return nil }
        let authority = text.dropFirst("http://".count).prefix { $0 != "/" }
        if authority.hasPrefix("[") {
            let halves = authority.dropFirst().split(separator: "]", maxSplits: 1)
            guard let host = halves.first else { return nil }
            return .tcp(
                host: String(host), port: halves.count > 1 ? String(halves[1].dropFirst()) : "80")
        }
        let halves = authority.split(separator: ":", maxSplits: 1)
        guard let host = halves.first else { return nil }
        return .tcp(host: String(host), port: halves.count > 1 ? String(halves[1]) : "80")
    }
}

enum HealthProbe {
    static let timeoutSeconds = 3

    /// - Throws: unless `/livez` answers 200 in time.
    static func check(_ place: ServerPlace) throws(ProbeFailure) {
        let descriptor = try connect(place)
        defer { close(descriptor) }
        let request = "GET /livez HTTP/1.0\r\n\r\n"
        guard send(descriptor, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0
        else { throw systemFailure() }
        var buffer = [UInt8](repeating: 0, count: 256)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        guard count > 0 else { throw systemFailure() }
        let line = String(decoding: buffer[..<count].prefix { $0 != 0x0D }, as: UTF8.self)
        guard line.hasPrefix("HTTP/1.1 200") else { throw .unhealthy(line) }
    }

    private static func connect(_ place: ServerPlace) throws(ProbeFailure) -> Int32 {
        switch place {
        case .unix(let path): return try connectUnix(path)
        case .tcp(let host, let port): return try connectTCP(host, port)
        }
    }

    private static func connectUnix(_ path: String) throws(ProbeFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard path.utf8.count < field.count else { return false }
            field.copyBytes(from: path.utf8)
            return true
        }
        guard fits else { throw .place("unix:\(path)") }
        let descriptor = try newSocket(AF_UNIX)
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

    private static func connectTCP(_ host: String, _ port: String) throws(ProbeFailure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, port, &hints, &found)
        guard code == 0, let first = found else {
            throw .unreachable(String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(first) }
        let descriptor = try newSocket(first.pointee.ai_family)
        guard Glibc.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            defer { close(descriptor) }
            throw systemFailure()
        }
        return descriptor
    }

    private static func newSocket(_ family: Int32) throws(ProbeFailure) -> Int32 {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw systemFailure() }
        var limit = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        return descriptor
    }

    private static func systemFailure() -> ProbeFailure {
        .unreachable(String(cString: strerror(errno)))
    }
}
