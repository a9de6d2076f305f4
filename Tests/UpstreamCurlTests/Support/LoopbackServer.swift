// A real upstream on loopback that follows a script and counts what arrives.

import Dispatch
import Glibc
import Locking
import TestSupport

@testable import UpstreamCurl

/// Listens on a free port of 127.0.0.1; each accepted connection runs the script on its own thread.
final class LoopbackServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let stopPipe: (read: Int32, write: Int32)
    private let script: @Sendable (Peer) -> Void
    private let threads = DispatchGroup()
    private let log = Guarded(Log())

    struct Log {
        var accepted = 0
        /// Connections whose script has ended and that are closed.
        var ended = 0
        /// Complete requests, head and body, in the order of their arrival.
        var requests: [String] = []
    }

    init(_ script: @escaping @Sendable (Peer) -> Void) {
        self.script = script
        listener = socket(AF_INET, SocketKind.stream | SocketKind.closeOnExec, 0)
        port = Self.listenOnLoopback(listener)
        var ends: [Int32] = [0, 0]
        precondition(pipe(&ends) == 0, "no pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        stopPipe = (ends[0], ends[1])
        run { $0.acceptAll() }
    }

    deinit {
        for descriptor in [listener, stopPipe.read, stopPipe.write] { _ = close(descriptor) }
    }

    var url: String { "http://127.0.0.1:\(port)" }
    var requests: [String] { log.withLock { $0.requests } }
    var accepted: Int { log.withLock { $0.accepted } }

    /// Accepts what is still in the backlog, then waits until every connection's script has ended.
    /// Close the client's connections first. Afterwards the log is complete.
    func finish() async {
        precondition(write(stopPipe.write, "x", 1) == 1, "the stop pipe is broken")
        await withCheckedContinuation { continuation in
            threads.notify(queue: .global()) { continuation.resume() }
        }
    }

    /// Waits until that many connections' scripts have ended and the connections are closed.
    func ended(_ count: Int) async throws {
        try await eventually("\(count) connections") { log.withLock { $0.ended } >= count }
    }

    fileprivate func note(_ request: String) { log.withLock { $0.requests.append(request) } }

    private func acceptAll() {
        var isStopping = false
        while true {
            var polled = [
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
                pollfd(fd: stopPipe.read, events: Int16(POLLIN), revents: 0),
            ]
            precondition(
                uninterrupted { Int(poll(&polled, 2, isStopping ? 0 : 60_000)) } >= 0, "poll failed"
            )
            isStopping = isStopping || polled[1].revents != 0
            if polled[0].revents != 0 { acceptOne() } else if isStopping { return }
            if polled[0].revents == 0, polled[1].revents == 0 { return }
        }
    }

    private func acceptOne() {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else { return }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        let number = log.withLock { log in
            log.accepted += 1
            return log.accepted
        }
        run { server in
            let peer = Peer(descriptor: descriptor, number: number, server: server)
            server.script(peer)
            peer.close()
            server.log.withLock { $0.ended += 1 }
        }
    }

    private func run(_ body: @escaping @Sendable (LoopbackServer) -> Void) {
        threads.enter()
        startThread { [self] in
            body(self)
            threads.leave()
        }
    }

    private static func loopbackAddress(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return address
    }

    static func connectToLoopback(_ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, SocketKind.stream | SocketKind.closeOnExec, 0)
        var address = loopbackAddress(port)
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        precondition(code == 0, "cannot connect")
        return descriptor
    }

    static func listenOnLoopback(_ listener: Int32) -> UInt16 {
        let port = bindToLoopback(listener)
        precondition(listen(listener, 512) == 0, "cannot listen")
        return port
    }

    static func bindToLoopback(_ socket: Int32) -> UInt16 {
        var address = loopbackAddress(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                precondition(bind(socket, generic, size) == 0, "cannot bind")
                precondition(getsockname(socket, generic, &size) == 0, "no name")
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }
}

/// One accepted connection, used by one thread.
final class Peer {
    /// 1 for the first accepted connection.
    let number: Int
    private let descriptor: Int32
    private let server: LoopbackServer
    private var received: [UInt8] = []
    private var isClosed = false

    init(descriptor: Int32, number: Int, server: LoopbackServer) {
        self.descriptor = descriptor
        self.number = number
        self.server = server
        // A script never waits forever.
        var limit = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        precondition(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == 0)
        precondition(setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == 0)
    }

    /// The next complete request, which is counted; nil if the client is gone.
    func request() -> String? {
        while true {
            if let request = takeRequest() {
                server.note(request)
                return request
            }
            guard receive() else { return nil }
        }
    }

    /// False if the client is gone.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let sent = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            rest = rest.dropFirst(sent)
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// A complete answer with a Content-Length.
    func answer(_ status: String, fields: String = "", _ body: String) {
        send("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    /// Waits until bytes arrive, which stay unread. False if the client is gone.
    func awaitBytes() -> Bool { !received.isEmpty || receive() }

    /// Passes on what either side sends to the other, until one of them closes. Returns what the client
    /// sent.
    func relay(to port: UInt16) -> [UInt8] {
        let other = Peer(
            descriptor: LoopbackServer.connectToLoopback(port), number: 0, server: server)
        defer { other.close() }
        var taken: [UInt8] = []
        repeat {
            taken += received
            handOn(to: other)
            other.handOn(to: self)
        } while receive(or: other)
        return taken + received
    }

    private func handOn(to other: Peer) {
        other.send(received)
        received = []
    }

    /// False if one of the two is gone.
    private func receive(or other: Peer) -> Bool {
        var polled = [descriptor, other.descriptor].map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        guard uninterrupted({ Int(poll(&polled, 2, 60_000)) }) > 0 else { return false }
        if polled[0].revents != 0, !receive() { return false }
        return polled[1].revents == 0 || other.receive()
    }

    /// Whether the client closes within that span. What it sends stays unread.
    func hasLeft(within span: Duration) -> Bool {
        // Linux's POLLRDHUP, which Glibc's module lacks.
        var polled = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        return poll(&polled, 1, Int32(span / .milliseconds(1))) != 0
    }

    /// Waits until the client closes.
    func awaitClose() { while receive() { received = [] } }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        _ = Glibc.close(descriptor)
    }

    /// Closes with a RST.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        let size = socklen_t(MemoryLayout<linger>.size)
        precondition(setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, size) == 0)
        close()
    }

    private func receive() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let count = uninterrupted { recv(descriptor, &chunk, chunk.count, 0) }
        guard count > 0 else { return false }
        received += chunk[..<count]
        return true
    }

    private func takeRequest() -> String? {
        let text = String(decoding: received, as: UTF8.self)
        guard let end = text.firstRange(of: "\r\n\r\n") else { return nil }
        let head = text[..<end.lowerBound]
        let lengthLine = head.split(separator: "\r\n").first {
            $0.lowercased().hasPrefix("content-length: ")
        }
        let length = lengthLine.flatMap { Int($0.dropFirst(16)) } ?? 0
        let whole = text[..<end.upperBound].utf8.count + length
        guard received.count >= whole else { return nil }
        let request = String(decoding: received[..<whole], as: UTF8.self)
        received.removeFirst(whole)
        return request
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs `body` on its own thread, since scripts block and a pool's threads must not.
func startThread(_ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<ThreadBody>.fromOpaque(context).takeRetainedValue().run() }
            return nil
        }, box.toOpaque())
    precondition(code == 0, "no thread")
    pthread_detach(thread)
}

/// A port on which no process listens or can begin to: it is bound until the process ends.
let unusedPort = LoopbackServer.bindToLoopback(socket(AF_INET, SocketKind.stream, 0))

/// Lets a number of threads through once all of them have arrived.
final class Barrier: Sendable {
    private let missing: Guarded<Int>
    private let gate = DispatchSemaphore(value: 0)

    init(count: Int) { missing = Guarded(count) }

    func wait() {
        let isLast = missing.withLock { missing in
            missing -= 1
            return missing == 0
        }
        if !isLast, gate.wait(timeout: .now() + 60) == .timedOut { return }
        gate.signal()
    }
}

/// Linux's numbers. Their names also belong to libcurl's module, which tests do not import, so whether
/// the compiler finds them depends on the order in which it loads modules.
private enum SocketKind {
    static let stream: Int32 = 1
    static let closeOnExec: Int32 = 0o2_000_000
}
