// Tests the addresses on which a server listens: names, addresses and ports.

import Dispatch
import Glibc
import HTTPWire
import Locking
import Synchronization
import TestSupport
import Testing

@testable import SocketServer

@Suite(.blocking, .timeLimit(.minutes(1)))
struct AddressTests {
    private func expectAnswer(at address: BoundAddress) throws {
        let peer = try Peer(address)
        try peer.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        try expectEqual(peer.answer().body, "/a")
    }

    /// The numeric addresses of a name, each once.
    private func addresses(of name: String) throws -> Set<String> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        try #require(getaddrinfo(name, nil, &hints, &found) == 0)
        defer { freeaddrinfo(found) }
        var addresses: Set<String> = []
        var next = found
        while let info = next?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            getnameinfo(
                info.ai_addr, info.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            addresses.insert(
                String(decoding: text.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self))
            next = info.ai_next
        }
        return addresses
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.1.2.3", true), ("::1", true), ("[::1]", true),
        ("localhost", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("::", false),
        ("10.0.0.1", false), ("unix:/run/service", false), ("", false),
    ])
    func loopbackHostsAreRecognised(host: String, isLoopback: Bool) {
        expectEqual(ServerConfiguration(host: host).isLoopback, isLoopback)
    }

    @Test(arguments: ["::1", "[::1]"])
    func ipv6IsServedWithAndWithoutBrackets(host: String) throws {
        let stage = try Stage(host)
        #expect(stage.server.address.description.hasPrefix("http://[::1]:"))
        try expectAnswer(at: stage.server.address)
    }

    @Test(arguments: ["::", "[::]"])
    func wildcardIsServedOnBothFamilies(host: String) throws {
        let stage = try Stage(host)
        for host in ["127.0.0.1", "::1"] {
            try expectAnswer(at: BoundAddress(host: host, port: stage.server.address.port))
        }
    }

    @Test func nameIsBoundOnAllItsAddressesWithOnePort() throws {
        let expected = try addresses(of: "localhost")
        let stage = try Stage("localhost")
        let bound = stage.server.addresses
        expectEqual(Set(bound.map(\.host)), expected)
        expectEqual(bound.count, expected.count)
        expectEqual(Set(bound.map(\.port)).count, 1)
        for address in bound { try expectAnswer(at: address) }
        let next = try Stage("localhost")
        #expect(next.server.address.port != stage.server.address.port)
    }

    /// Addresses that a name may have.
    @Test func severalAddressesGetOneFreePort() throws {
        let addresses = try ["127.0.0.1", "::1", "127.0.0.2"].flatMap {
            try SocketAddress.all(of: $0, port: 0)
        }
        let listeners = try Listener.all(on: addresses, anyPort: true)
        expectEqual(listeners.map(\.address.host), ["127.0.0.1", "::1", "127.0.0.2"])
        expectEqual(Set(listeners.map(\.address.port)).count, 1)
        try expectEqual(listeners[1].another()?.address, listeners[1].address)
    }

    /// 192.0.2.1 is an address for documentation (RFC 5737), which no machine has.
    @Test func addressThatThisMachineLacksIsSkippedForAnother() throws {
        let missing = try SocketAddress.all(of: "192.0.2.1", port: 0)
        let present = try SocketAddress.all(of: "127.0.0.1", port: 0)
        let listeners = try Listener.all(on: missing + present, anyPort: true)
        expectEqual(listeners.map(\.address.host), ["127.0.0.1"])
        #expect(throws: SocketFailure.self) { try Listener.all(on: missing, anyPort: true) }
    }

    @Test func addressInUseIsNotSkipped() throws {
        let stage = try Stage("127.0.0.2")
        let addresses = try ["127.0.0.1", "127.0.0.2"].flatMap {
            try SocketAddress.all(of: $0, port: stage.server.address.port)
        }
        let failure = #expect(throws: SocketFailure.self) {
            try Listener.all(on: addresses, anyPort: false)
        }
        expectEqual(failure?.description.contains("Address already in use"), true)
    }

    @Test func portInUseIsRefused() throws {
        let stage = try Stage()
        #expect(stage.server.address.port > 0)
        let failure = #expect(throws: SocketFailure.self) {
            try Stage { $0.port = stage.server.address.port }
        }
        expectEqual(failure?.description.contains("Address already in use"), true)
    }

    /// Both may find the port free before either has bound it. The address is this test's own, so no
    /// other test can get the port between two rounds. But a program that another test starts has
    /// this one's sockets for a moment, until it is executed: then neither can bind.
    @Test func twoServersThatStartAtOnceDoNotShareAPort() throws {
        let free = try Stage("127.0.0.3").server.address
        var heldByAnother = 0
        for round in 0..<500 {
            let servers = Guarded<[Server]>([])
            let failures = Guarded<[String]>([])
            let ready = Atomic<Int>(0)
            DispatchQueue.concurrentPerform(iterations: 2) { _ in
                let configuration = ServerConfiguration(host: free.host, port: free.port, loops: 2)
                ready.add(1, ordering: .relaxed)
                // Only a moment, since both may share one thread.
                for _ in 0..<1000 where ready.load(ordering: .relaxed) < 2 { sched_yield() }
                do {
                    let server = try Server(configuration, handler: Player())
                    servers.withLock { $0.append(server) }
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            let (count, refusals) = (servers.withLock { $0.count }, failures.withLock { $0 })
            if count == 0, refusals.allSatisfy({ $0.hasPrefix("bind ") }) {
                heldByAnother += 1
                letPass(.milliseconds(20))
                continue
            }
            expectEqual(count, 1, "round \(round): \(refusals)")
            for server in servers.withLock({ $0 }) {
                let stopped = Signal()
                server.stop { stopped.fire() }
                #expect(stopped.wait())
            }
        }
        #expect(heldByAnother < 25)
    }

    @Test func newConnectionsAreSpreadOverTheLoops() throws {
        let stage = try Stage()
        let peers = try (0..<64).map { _ in
            let peer = try stage.peer()
            try peer.send("GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
            return peer
        }
        let loops = try peers.map { _ in try stage.player.next().loopIndex }
        expectEqual(Set(loops), [0, 1])
        withExtendedLifetime(peers) {}
    }

    @Test func hostThatCannotBeLookedUpIsRefused() {
        #expect(throws: SocketFailure.self) { try Stage("no such host") }
    }
}
