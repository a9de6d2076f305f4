// Work that other threads hand to an event loop, and the bell that ends the loop's sleep.

import CLinux
import Dispatch
import Locking

/// One loop's inbox. Work is done in the order of its coming, on the loop's queue.
///
/// While the loop runs it holds its queue, and takes the work itself; before and after, the queue
/// does.
final class Inbox: Sendable {
    private struct State: Sendable {
        var work: [@Sendable () -> Void] = []
        var isLoopRunning = false
        var isAsleep = false
    }

    private let queue: DispatchQueue
    private let state = Guarded(State())
    /// Edge-triggered in the loop's epoll set, so that nobody needs to read it.
    private let bell: Descriptor

    init(_ queue: DispatchQueue, epoll: Int32, token: UInt64) throws(SocketFailure) {
        self.queue = queue
        guard let bell = Descriptor(returned: linux_event()),
            linux_epoll_add(epoll, bell.number, UInt32(linux_readable | linux_edge), token) == 0
        else { throw .failed("eventfd", on: queue.label) }
        self.bell = bell
    }

    /// From any thread.
    func post(_ work: @escaping @Sendable () -> Void) {
        let mustRing = state.withLock { state -> Bool in
            guard state.isLoopRunning else {
                // Under the lock, so that it stands before the loop's run, or behind it.
                queue.async(execute: work)
                return false
            }
            state.work.append(work)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustRing { linux_event_ring(bell.number) }
    }

    /// Has the queue run the loop until that returns.
    func run(_ loop: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.isLoopRunning = true
            queue.async(execute: loop)
        }
    }

    // MARK: The loop's side

    /// True when nothing is left to be done: whoever posts from now on rings.
    func mayRest() -> Bool {
        state.withLock { state in
            state.isAsleep = state.work.isEmpty
            return state.isAsleep
        }
    }

    /// So much work is done before the loop looks at its connections again: a crowd is answered in
    /// slices, between which others have their turn.
    static let takenMax = 256

    /// What has come first, at most ``takenMax``.
    func take() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isAsleep = false
            guard !state.work.isEmpty else { return [] }
            guard state.work.count > Self.takenMax else {
                defer { state.work = [] }
                return state.work
            }
            defer { state.work.removeFirst(Self.takenMax) }
            return Array(state.work.prefix(Self.takenMax))
        }
    }

    /// The loop runs no more: what comes from now on is the queue's. Returns what has come.
    func close() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isLoopRunning = false
            defer { state.work = [] }
            return state.work
        }
    }
}
