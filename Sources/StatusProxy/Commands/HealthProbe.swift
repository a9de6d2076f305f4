// The smallest of clients: one question to a running server, for a container's health check.

import Glibc

/// Why the server is not known to be alive.
enum ProbeFailure: Error, CustomStringConvertible {
    case place(String)
    case settings(SettingFailure)
    case unreachable(String)
    case unhealthy(String)

    var description: String {
        switch self {
        case .place(let text): "'\(text)' is not a server's place like http://127.0.0.1:8080"
        case .settings(let failure): "\(failure)"
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .unhealthy(let line): "the server is not well: \(line)"
        }
    }
}

/// Where a server listens.
enum ServerPlace: Equatable {
    case tcp(host: String, port: String)
    case unix(path: String)

    /// By `url`, else STATUS_PROXY_URL, else where the settings let the server listen.
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
        let host = raw.text(.listenHost) ?? ""
        let port = raw.text(.listenPort) ?? ""
        if host.hasPrefix("unix:") { return .unix(path: String(host.dropFirst("unix:".count))) }
        // A wildcard address is listened on, not connected to.
        return .tcp(host: ["0.0.0.0": "127.0.0.1", "::": "::1"][host] ?? host, port: port)
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
        // The colons of an IPv6 address stand in brackets.
        guard let end = authority.firstIndex(of: "]") else { return nil }
        return tcp(authority[..<end].dropFirst(), authority[end...].dropFirst())
    }

    /// `rest` is what follows the host: nothing, or a colon and the port.
    private static func tcp(_ host: Substring, _ rest: Substring) -> ServerPlace? {
        guard !host.isEmpty else { return nil }
        if rest.isEmpty { return .tcp(host: String(host), port: "80") }
        guard rest.hasPrefix(":"), let port = UInt16(rest.dropFirst()), port > 0 else { return nil }
        return .tcp(host: String(host), port: String(port))
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
        let line = try statusLine(descriptor)
        guard line.hasPrefix("HTTP/1.1 200 ") else { throw .unhealthy(line) }
    }

    /// The answer's first line, or as much of it as matters.
    private static func statusLine(_ descriptor: Int32) throws(ProbeFailure) -> String {
        var line: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 256)
        while line.count < buffer.count, !line.contains(0x0D) {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count >= 0 else { throw systemFailure() }
            guard count > 0 else { throw .unreachable("it hung up without an answer") }
            line += buffer[..<count]
        }
        return String(decoding: line.prefix { $0 != 0x0D }, as: UTF8.self)
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
        // Every address in turn: localhost is often ::1 first, where nobody may listen.
        var failure = ProbeFailure.unreachable("the name has no address")
        var next: UnsafeMutablePointer<addrinfo>? = first
        while let address = next?.pointee {
            do { return try connect(address) } catch { failure = error }
            next = address.ai_next
        }
        throw failure
    }

    private static func connect(_ address: addrinfo) throws(ProbeFailure) -> Int32 {
        let descriptor = try newSocket(address.ai_family)
        guard Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 else {
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
