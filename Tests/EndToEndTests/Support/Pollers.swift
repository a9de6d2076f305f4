// Many callers that poll one path, each with its own persistent connection and thread.

import Foundation
import Glibc
import Locking

/// What a crowd of pollers saw.
struct Crowd: Sendable {
    var statuses: [Int: Int] = [:]
    var failures = 0
    /// The first answer that was not a 200.
    var firstRefusal: String?
    var staleBodies = 0
    var slowest = Duration.zero

    var requests: Int { statuses.values.reduce(0, +) }
}

enum Pollers {
    /// Polls `path` from `callers` threads, every `every`, for `span`. Each round starts on its tick,
    /// late ones at once, so the count of rounds is bounded.
    static func poll(
        port: Int, _ path: String, callers: Int, every: Duration, for span: Duration
    ) async -> Crowd {
        let crowd = Guarded(Crowd())
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in
            let group = DispatchGroup()
            for _ in 0..<callers {
                group.enter()
                let thread = Thread {
                    run(port, path, every, span, crowd)
                    group.leave()
                }
                thread.stackSize = 256 << 10
                thread.start()
            }
            group.notify(queue: .global()) { done.resume() }
        }
        return crowd.withLock { $0 }
    }

    private static func run(
        _ port: Int, _ path: String, _ every: Duration, _ span: Duration,
        _ crowd: Guarded<Crowd>
    ) {
        let clock = ContinuousClock()
        let start = clock.now
        var next = start
        var mine = Crowd()
        var client = try? Client(port: port)
        repeat {
            let began = clock.now
            if let reply = try? client?.request(path) {
                mine.statuses[reply.status, default: 0] += 1
                if reply.text.contains("\"stale\":true") { mine.staleBodies += 1 }
                mine.slowest = max(mine.slowest, clock.now - began)
            } else {
                mine.failures += 1
                client = try? Client(port: port)
            }
            next = max(next + every, clock.now)
            let wait = min(next, start + span) - clock.now
            if wait > .zero { usleep(UInt32(wait / .microseconds(1))) }
        } while clock.now < start + span
        let seen = mine
        crowd.withLock { crowd in
            crowd.statuses.merge(seen.statuses, uniquingKeysWith: +)
            crowd.failures += seen.failures
            crowd.staleBodies += seen.staleBodies
            crowd.slowest = max(crowd.slowest, seen.slowest)
        }
    }
}
