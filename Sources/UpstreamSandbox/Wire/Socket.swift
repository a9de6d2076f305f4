// A file descriptor that is closed with its last reference.

import Glibc
import SocketServer

/// Shared by a connection and its Dispatch sources: a descriptor must not be closed before the last
/// source that watches it has been cancelled, since the number may be reused by then.
final class Socket: Sendable {
    let number: Int32

    init?(_ number: Int32) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { _ = Glibc.close(number) }

    /// The next close sends a RST.
    func resetWhenClosed() {
        var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(
            number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }

    /// False if the system refuses.
    func becomeNonBlocking() -> Bool { fcntl(number, F_SETFL, O_NONBLOCK) == 0 }

    func set(_ level: Int32, _ name: Int32) {
        var value: Int32 = 1
        // A socket without the option still serves.
        _ = setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

extension Socket {
    /// Listens on an IPv4 address, or on `localhost`.
    static func listening(
        host: String, port: Int
    ) throws(SocketFailure) -> (Socket, BoundAddress) {
        let place = "\(host):\(port)"
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(clamping: port)).bigEndian
        let numeric = host == "localhost" ? "127.0.0.1" : host
        guard inet_pton(AF_INET, numeric, &address.sin_addr) == 1 else {
            throw .hostUnknown(host: host, reason: "an IPv4 address is needed")
        }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard let socket = Socket(Glibc.socket(AF_INET, kind, 0)) else {
            throw failure("socket", place)
        }
        socket.set(SOL_SOCKET, SO_REUSEADDR)
        let backlog: Int32 = 1024
        guard withAddress(&address, { bind(socket.number, $0, $1) }) == 0 else {
            throw failure("bind", place)
        }
        guard listen(socket.number, backlog) == 0 else { throw failure("listen", place) }
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withAddress(&address) { pointer, _ in
            getsockname(socket.number, pointer, &length)
        }
        guard code == 0 else { throw failure("getsockname", place) }
        return (
            socket, BoundAddress(host: numeric, port: Int(UInt16(bigEndian: address.sin_port)))
        )
    }

    private static func withAddress(
        _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func failure(_ call: String, _ place: String) -> SocketFailure {
        let number = errno
        return .callFailed(call: call, on: place, errno: number)
    }
}
