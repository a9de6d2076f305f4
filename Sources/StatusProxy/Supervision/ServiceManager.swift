// Messages to the service manager: sd_notify(3), without its library.

import Glibc
import StatusCore

/// The socket that `NOTIFY_SOCKET` names. Every message is one datagram.
struct ServiceManager: Sendable {
    /// The watchdog's time; nil: there is no watchdog.
    let watchdog: Duration?
    private let socket: Int32
    private let address: sockaddr_un
    private let length: socklen_t

    /// How long a message may wait for the manager's full queue before it is dropped.
    private static let sendTimeout = timeval(tv_sec: 1, tv_usec: 0)

    /// Nil if no manager expects messages.
    ///
    /// - Throws: an error whose description is one line for operators.
    init?(environment: [String: String]) throws(Failure) {
        guard let path = environment["NOTIFY_SOCKET"], !path.isEmpty else { return nil }
        (address, length) = try Self.address(of: path)
        socket = Glibc.socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else {
            throw Failure(path: path, problem: String(cString: strerror(errno)))
        }
        var timeout = Self.sendTimeout
        _ = setsockopt(
            socket, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        watchdog = Self.watchdog(environment)
    }

    struct Failure: Error, CustomStringConvertible {
        var path: String
        var problem: String

        var description: String { "NOTIFY_SOCKET \(path): \(problem)" }
    }

    /// Sends assignments such as `READY=1`, one a line. Returns whether the manager's socket
    /// accepted them.
    @discardableResult
    func send(_ assignments: String...) -> Bool {
        let bytes = Array(assignments.joined(separator: "\n").utf8)
        let sent = withUnsafePointer(to: address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
        return sent == bytes.count
    }

    /// A path, or after `@` a name in the abstract name space, which a zero byte begins (unix(7)).
    private static func address(of path: String) throws(Failure) -> (sockaddr_un, socklen_t) {
        guard path.first == "/" || path.first == "@" else {
            throw Failure(path: path, problem: "neither a path nor a name after @")
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = path.first == "@" ? [0] + path.utf8.dropFirst() : Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard bytes.count < field.count else { return false }
            field.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw Failure(path: path, problem: "too long for a socket") }
        let before = MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 0
        return (address, socklen_t(before + bytes.count))
    }

    /// sd_watchdog_enabled(3): the variables may be meant for another process.
    private static func watchdog(_ environment: [String: String]) -> Duration? {
        if let text = environment["WATCHDOG_PID"], Int32(text) != getpid() { return nil }
        guard let text = environment["WATCHDOG_USEC"], let span = Int64(text), span > 0,
            span <= Int64.max / 1000
        else { return nil }
        return .microseconds(span)
    }
}
