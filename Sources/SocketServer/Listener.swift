// Listening sockets: TCP over IPv4 or IPv6, on each address of a host, or a Unix socket at a path.

import Glibc

/// Listens until it is released, which also removes a Unix socket's file.
final class Listener: Sendable {
    let descriptor: Descriptor
    let address: BoundAddress
    private let place: Place

    private enum Place {
        case internet(SocketAddress)
        case file(SocketFile?)
    }

    private init(_ descriptor: consuming Descriptor, _ address: BoundAddress, _ place: Place) {
        self.descriptor = descriptor
        self.address = address
        self.place = place
    }

    deinit { if case .file(let file) = place { file?.remove() } }

    /// The number of ports to try for a name with several addresses, since the port has to be free
    /// on each.
    private static var portsMax: Int { 16 }

    /// Listens on `unix:/path`, or on all addresses of a host, with one port for all.
    static func all(_ configuration: ServerConfiguration) throws(SocketFailure) -> [Listener] {
        let host = configuration.host
        if host.hasPrefix("unix:") {
            return [try unix(path: String(host.dropFirst(5)), mode: configuration.fileMode)]
        }
        return try all(
            on: try SocketAddress.all(of: host, port: configuration.port),
            anyPort: configuration.port == 0)
    }

    // MARK: TCP

    static func all(
        on addresses: [SocketAddress], anyPort: Bool
    ) throws(SocketFailure) -> [Listener] {
        for _ in 1..<portsMax {
            do throws(SocketFailure) {
                return try tcp(addresses)
            } catch {
                guard anyPort, error.isAbout([EADDRINUSE]) else { throw error }
            }
        }
        return try tcp(addresses)
    }

    /// One socket for each address. An address that this machine does not have, such as ::1 without
    /// IPv6, is skipped if there is another one.
    private static func tcp(_ addresses: [SocketAddress]) throws(SocketFailure) -> [Listener] {
        var listeners: [Listener] = []
        var missing: SocketFailure?
        for address in addresses {
            do throws(SocketFailure) {
                let port = listeners.first?.address.port
                listeners.append(
                    try first(on: port.map { address.with(port: $0) } ?? address))
            } catch {
                guard error.isAbout([EADDRNOTAVAIL, EAFNOSUPPORT]) else { throw error }
                missing = error
            }
        }
        if listeners.isEmpty, let missing { throw missing }
        return listeners
    }

    /// The first socket on an address. SO_REUSEPORT would silently give the port to a second server
    /// of the same user, too, so it is set only when the kernel has given the port to this socket
    /// alone: `listen` fails for the later of two that were bound at the same time.
    private static func first(on address: SocketAddress) throws(SocketFailure) -> Listener {
        let listener = try tcp(address, isShared: false)
        setOption(listener.descriptor.number, SOL_SOCKET, SO_REUSEPORT)
        return listener
    }

    /// One more socket on the same address; the kernel spreads new connections over them. A Unix
    /// socket's path can have only one socket.
    func another() throws(SocketFailure) -> Listener? {
        guard case .internet(let address) = place else { return nil }
        return try Self.tcp(address, isShared: true)
    }

    /// The kernel limits it to net.core.somaxconn.
    private static var backlog: Int32 { 4096 }

    /// The kernel refuses both of two sockets that call `listen` at the same moment, since each is
    /// registered before the check. So a socket that is refused by that call, not by `bind`, tries
    /// again after a random pause. For such a moment, `bind` also refuses a further socket on our
    /// own address.
    private static func tcp(
        _ address: SocketAddress, isShared: Bool
    ) throws(SocketFailure) -> Listener {
        for _ in 1..<listensMax {
            do throws(SocketFailure) {
                return try listenOnce(address, isShared: isShared)
            } catch .callFailed(let call, _, errno: EADDRINUSE) where call == "listen" || isShared {
                usleep(.random(in: 1_000...20_000))
            }
        }
        return try listenOnce(address, isShared: isShared)
    }

    /// On a busy machine, five attempts were not enough for two servers.
    private static var listensMax: Int { 30 }

    private static func listenOnce(
        _ address: SocketAddress, isShared: Bool
    ) throws(SocketFailure) -> Listener {
        let name = address.bound
        let place = "\(name.host):\(name.port)"
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard let descriptor = Descriptor(returned: socket(address.family, kind, 0)) else {
            throw .failed("socket", on: place)
        }
        setOption(descriptor.number, SOL_SOCKET, SO_REUSEADDR)
        if isShared { setOption(descriptor.number, SOL_SOCKET, SO_REUSEPORT) }
        // Accepted sockets inherit it. Answers are written as a whole, so waiting for more bytes
        // only delays them.
        setOption(descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY)
        guard address.withPointer({ bind(descriptor.number, $0, $1) }) == 0 else {
            throw .failed("bind", on: place)
        }
        guard listen(descriptor.number, backlog) == 0 else { throw .failed("listen", on: place) }
        let bound = try SocketAddress(of: descriptor.number)
        return Listener(descriptor, bound.bound, .internet(bound))
    }

    private static func setOption(_ socket: Int32, _ level: Int32, _ name: Int32) {
        var value: Int32 = 1
        // A socket without the option still serves.
        _ = setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: Unix

    private static func unix(path: String, mode: UInt32) throws(SocketFailure) -> Listener {
        let address = try SocketFile.address(of: path)
        return try SocketFile.alone(at: path) { () throws(SocketFailure) in
            try unix(path, address, mode: mode)
        }
    }

    private static func unix(
        _ path: String, _ address: sockaddr_un, mode: UInt32
    ) throws(SocketFailure) -> Listener {
        let place = "unix:\(path)"
        var address = address
        try SocketFile.removeStale(path, address)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard let descriptor = Descriptor(returned: socket(AF_UNIX, kind, 0)) else {
            throw .failed("socket", on: place)
        }
        let code = SocketFile.withAddress(&address) { bind(descriptor.number, $0, $1) }
        guard code == 0 else { throw .failed("bind", on: place) }
        // Nobody can connect before `listen`.
        guard chmod(path, mode) == 0 else { throw .failed("chmod", on: place) }
        guard listen(descriptor.number, backlog) == 0 else { throw .failed("listen", on: place) }
        return Listener(
            descriptor, BoundAddress(host: place, port: 0), .file(SocketFile(at: path)))
    }
}

extension SocketFailure {
    /// The call that has just set errno.
    static func failed(_ call: String, on place: String) -> SocketFailure {
        let number = errno
        return .callFailed(call: call, on: place, errno: number)
    }

    fileprivate func isAbout(_ numbers: [Int32]) -> Bool {
        guard case .callFailed(_, _, let number) = self else { return false }
        return numbers.contains(number)
    }
}
