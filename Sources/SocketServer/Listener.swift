// A listening socket: TCP over IPv4 or IPv6, or a Unix socket at a path.

import Glibc

/// Listens until it goes out of use; a Unix socket's file goes with it.
struct Listener: ~Copyable {
    let descriptor: Descriptor
    let address: BoundAddress
    private let file: SocketFile?

    private init(_ descriptor: consuming Descriptor, _ address: BoundAddress, file: SocketFile?) {
        self.descriptor = descriptor
        self.address = address
        self.file = file
    }

    deinit { file?.remove() }

    /// Listens on `unix:/path`, or on a host's first address.
    init(host: String, port: Int) throws(SocketFailure) {
        if host.hasPrefix("unix:") {
            self = try Listener.unix(path: String(host.dropFirst(5)))
        } else {
            // SO_REUSEPORT would let a second server of the same user take the port in silence. A
            // bind without it fails as people expect; it is closed again at once.
            if port != 0 { _ = try Listener.bound(host: host, port: port, isShared: false) }
            self = try Listener.tcp(host: host, port: port)
        }
    }

    /// One more socket on the same TCP address; the kernel spreads new connections over them.
    init(sharing address: BoundAddress) throws(SocketFailure) {
        self = try Listener.tcp(host: address.host, port: address.port)
    }

    // MARK: TCP

    private static func tcp(host: String, port: Int) throws(SocketFailure) -> Listener {
        let descriptor = try bound(host: host, port: port, isShared: true)
        guard listen(descriptor.number, backlog) == 0 else {
            throw .failed("listen", on: "\(host):\(port)")
        }
        let address = try boundAddress(descriptor.number)
        return Listener(descriptor, address, file: nil)
    }

    /// The kernel cuts it down to net.core.somaxconn.
    private static var backlog: Int32 { 4096 }

    private static func bound(
        host: String, port: Int, isShared: Bool
    ) throws(SocketFailure) -> Descriptor {
        let place = "\(host):\(port)"
        var hints = addrinfo()
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &found)
        guard code == 0, let first = found else {
            throw .hostUnknown(host: host, reason: String(cString: gai_strerror(code)))
        }
        defer { freeaddrinfo(found) }
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard let descriptor = Descriptor(returned: socket(first.pointee.ai_family, kind, 0)) else {
            throw .failed("socket", on: place)
        }
        setOption(descriptor.number, SOL_SOCKET, SO_REUSEADDR, 1)
        if isShared { setOption(descriptor.number, SOL_SOCKET, SO_REUSEPORT, 1) }
        // Accepted sockets inherit it. Answers are written whole: to wait for more is loss.
        setOption(descriptor.number, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        guard bind(descriptor.number, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0 else {
            throw .failed("bind", on: place)
        }
        return descriptor
    }

    private static func setOption(_ socket: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        // A socket without the option still serves.
        _ = setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func boundAddress(_ socket: Int32) throws(SocketFailure) -> BoundAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        var service = [CChar](repeating: 0, count: Int(NI_MAXSERV))
        let code = withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getsockname(socket, address, &length) == 0 else { return Int32(-1) }
                return getnameinfo(
                    address, length, &host, socklen_t(host.count), &service,
                    socklen_t(service.count), NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        guard code == 0 else { throw .failed("getsockname", on: "the bound socket") }
        return BoundAddress(host: Self.text(host), port: Int(Self.text(service)) ?? 0)
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: Unix

    private static func unix(path: String) throws(SocketFailure) -> Listener {
        let place = "unix:\(path)"
        var address = try SocketFile.address(of: path)
        try SocketFile.removeStale(path, address)
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        guard let descriptor = Descriptor(returned: socket(AF_UNIX, kind, 0)) else {
            throw .failed("socket", on: place)
        }
        let code = SocketFile.withAddress(&address) { bind(descriptor.number, $0, $1) }
        guard code == 0 else { throw .failed("bind", on: place) }
        guard listen(descriptor.number, backlog) == 0 else { throw .failed("listen", on: place) }
        return Listener(
            descriptor, BoundAddress(host: place, port: 0), file: SocketFile(at: path))
    }
}

extension SocketFailure {
    /// The call that has just set errno.
    static func failed(_ call: String, on place: String) -> SocketFailure {
        let number = errno
        return .callFailed(call: call, on: place, errno: number)
    }
}
