// Work from other threads for an event loop, and the eventfd that wakes the loop.

import CLinux
import Dispatch
import Locking

/// One loop's inbox. Work is done in order of arrival, on the loop's queue.
///
/// While the loop runs it occupies its queue, and takes the work itself; before and after, the
/// queue runs it.
final class Inbox: Sendable {
    private struct State: Sendable {
        var work: [@Sendable () -> Void] = []
        var isLoopRunning = false
        var isAsleep = false
    }

    private let queue: DispatchQueue
    private let state = Guarded(State())
    /// Edge-triggered in the loop's epoll set, so that it never has to be read.
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
                // Under the lock, so that it is queued either before or after the loop's run.
                queue.async(execute: work)
                return false
            }
            state.work.append(work)
            defer { state.isAsleep = false }
            return state.isAsleep
        }
        if mustRing { linux_event_ring(bell.number) }
    }

    /// Runs the loop on the queue until it returns.
    func run(_ loop: @escaping @Sendable () -> Void) {
        state.withLock { state in
            state.isLoopRunning = true
            queue.async(execute: loop)
        }
    }

    // MARK: The loop's side

    /// True if there is no work: from now on, `post` wakes the loop.
    func mayRest() -> Bool {
        state.withLock { state in
            state.isAsleep = state.work.isEmpty
            return state.isAsleep
        }
    }

    /// The most tasks that are done before the loop serves its connections again: many replies are
    /// given in slices, between which others have their turn.
    static let takenMax = 256

    /// The oldest tasks, at most ``takenMax``.
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

    /// Ends the loop's part: from now on the queue runs the work. Returns the remaining tasks.
    func close() -> [@Sendable () -> Void] {
        state.withLock { state in
            state.isLoopRunning = false
            defer { state.work = [] }
            return state.work
        }
    }
}
