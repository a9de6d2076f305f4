// Ports of the loopback interface: their addresses, and free ones for programs that cannot choose for themselves.

import Glibc
import Locking

enum LoopbackAddress {
    static func of(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    /// Of `::1`.
    static func ofIPv6(port: Int) -> sockaddr_in6 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = UInt16(port).bigEndian
        address.sin6_addr = in6addr_loopback
        return address
    }

    static func with<Address>(
        _ address: inout Address, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }

    /// A port on which no process listens. Ports are below the ephemeral ones
    /// (net.ipv4.ip_local_port_range), and none is given twice.
    static func freePort() throws -> Int {
        for _ in 0..<ports.count {
            let port = nextPort.withLock { next in
                next = next + 1 < ports.upperBound ? next + 1 : ports.lowerBound
                return next
            }
            if isFree(port) { return port }
        }
        throw Client.Failure(description: "no free port in \(ports)")
    }

    private static let ports = 20_000..<32_000
    private static let nextPort = Guarded(Int.random(in: ports))

    private static func isFree(_ port: Int) -> Bool {
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(probe) }
        var address = of(port: port)
        return with(&address) { bind(probe, $0, $1) } == 0
    }
}
