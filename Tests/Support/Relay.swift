// A TCP relay on the loopback address that can be cut: then no bytes pass, and no connection closes.

import Foundation
import Glibc

/// Passes bytes between its port and another one, with a thread for each direction.
///
/// `@unchecked Sendable`: all mutable state is accessed through `state`.
public final class Relay: @unchecked Sendable {
    public let port: Int
    private let target: Int
    private let listener: Int32
    private let state = NSCondition()
    private var isStalled = false
    private var delay: UInt32 = 0
    private var isGathering = false
    private var gathered: [UInt8] = []
    private var sockets: [Int32] = []

    /// The number of connections accepted so far.
    public var connections: Int { state.withLock { sockets.count / 2 } }

    public init(to target: Int) throws {
        self.target = target
        (listener, port) = try Self.listen()
        run { [listener, weak self] in
            while true {
                let caller = accept(listener, nil, nil)
                guard caller >= 0, let self else { return }
                serve(caller)
            }
        }
    }

    private static func listen() throws -> (listener: Int32, port: Int) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) + Glibc.listen(listener, 64)
                    + getsockname(listener, $0, &length)
            }
        }
        guard code == 0 else { throw PostgresCluster.Failure(description: "relay: \(errno)") }
        return (listener, Int(UInt16(bigEndian: address.sin_port)))
    }

    deinit {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
        sockets.forEach { shutdown($0, Int32(SHUT_RDWR)) }
    }

    /// Passes nothing from now on. Connections stay open, and new ones are accepted and left idle.
    public func stall() { state.withLock { isStalled = true } }

    /// Passes what was held back.
    public func heal() {
        state.withLock {
            isStalled = false
            state.broadcast()
        }
    }

    /// Delays each piece of an answer by that time from now on.
    public func slowDown(milliseconds: UInt32) { state.withLock { delay = milliseconds * 1000 } }

    /// Holds back what a PostgreSQL server sends from now on until it contains a notification, and then
    /// sends it in one piece. Call it while nothing is in transit.
    public func gatherUntilNotification() { state.withLock { isGathering = true } }

    /// A whole transaction's reply is held back.
    public var hasGathered: Bool { state.withLock { Self.kinds(of: gathered).contains("Z") } }

    /// The bytes to send now. Called under `state`.
    private func gather(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        gathered += bytes
        guard !isGathering || Self.kinds(of: gathered).contains("A") else { return [] }
        isGathering = false
        defer { gathered = [] }
        return gathered
    }

    /// The types of the complete messages: each starts with a type byte and a length (PostgreSQL,
    /// frontend/backend protocol, 55.7).
    private static func kinds(of bytes: [UInt8]) -> [Character] {
        var kinds: [Character] = []
        var start = 0
        while start + 5 <= bytes.count {
            let length = bytes[start + 1...start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard start + 1 + length <= bytes.count else { break }
            kinds.append(Character(UnicodeScalar(bytes[start])))
            start += 1 + length
        }
        return kinds
    }

    private func serve(_ caller: Int32) {
        let other = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var address = Self.address(port: target)
        let code = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(other, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard code == 0 else {
            close(caller)
            close(other)
            return
        }
        state.withLock { sockets += [caller, other] }
        for (from, to) in [(caller, other), (other, caller)] {
            run { [state, weak self] in
                var bytes = [UInt8](repeating: 0, count: 65_536)
                while true {
                    let count = recv(from, &bytes, bytes.count, 0)
                    state.lock()
                    while let relay = self, relay.isStalled { state.wait() }
                    let delay = from == other ? self?.delay ?? 0 : 0
                    var piece = Array(bytes[..<max(0, count)])
                    if from == other, count > 0 { piece = self?.gather(piece[...]) ?? piece }
                    state.unlock()
                    usleep(delay)
                    guard count > 0,
                        send(to, piece, piece.count, Int32(MSG_NOSIGNAL)) == piece.count
                    else {
                        // The descriptors stay open until the relay is released, so their numbers are not reused.
                        shutdown(to, Int32(SHUT_RDWR))
                        shutdown(from, Int32(SHUT_RDWR))
                        return
                    }
                }
            }
        }
    }

    private func run(_ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.stackSize = 256 << 10
        thread.start()
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}
