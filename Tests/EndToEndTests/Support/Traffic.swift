// Callers that request one path repeatedly until they are stopped.

import Foundation
import Locking
import TestSupport

/// A crowd of callers, each with its own persistent connection and thread.
final class Traffic: Sendable {
    private let crowd = Guarded(Crowd())
    private let isOver = Guarded(false)
    private let group = DispatchGroup()

    init(port: Int, _ path: String, callers: Int, every: Duration = .zero) {
        for _ in 0..<callers {
            group.enter()
            let thread = Thread { [self] in
                run(port, path, every)
                group.leave()
            }
            thread.stackSize = 256 << 10
            thread.start()
        }
    }

    private var requests: Int { crowd.withLock { $0.requests } }

    /// Waits until there are more answers than that.
    func untilAnswered(_ count: Int) async throws {
        try await eventually("\(count) answers; got \(crowd.withLock { $0 })") {
            requests > count
        }
    }

    /// Stops, and returns what all callers saw.
    func stop() async -> Crowd {
        isOver.withLock { $0 = true }
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            group.notify(queue: .global()) { done.resume() }
        }
        return crowd.withLock { $0 }
    }

    private func run(_ port: Int, _ path: String, _ every: Duration) {
        let request = "GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        var socket = try? RawSocket(port: port)
        while !isOver.withLock({ $0 }) {
            let reply = try? socket.flatMap { socket in
                try socket.send(request)
                return try socket.reply()
            }
            crowd.withLock { crowd in
                guard let reply else { return crowd.failures += 1 }
                crowd.statuses[reply.status, default: 0] += 1
                guard reply.status != 200 else { return }
                crowd.firstRefusal = crowd.firstRefusal ?? reply.text
            }
            if reply == nil { socket = try? RawSocket(port: port) }
            if every > .zero { usleep(UInt32(every / .microseconds(1))) }
        }
    }
}
