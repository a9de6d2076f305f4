// State that the loops of one server share: the number of connections, the bytes that they keep,
// callbacks for when there are none, and the spare descriptors.

import CLinux
import Dispatch
import Locking
import Synchronization

/// Counts connections over all loops. Safe from any queue.
final class Tally: Sendable {
    let spares: Spares
    /// Answers that are kept for slow peers.
    let output: KeptBytes
    /// Input that has been received and cannot be used yet.
    let input: KeptBytes
    private let connectionsMax: Int
    private let connections = Atomic<Int>(0)
    private let searches = Atomic<Int>(0)
    private let searchesMax: Int
    private let drain: Guarded<Drain>

    private struct Drain {
        /// The number of loops that still accept connections.
        var accepting: Int
        var waiting: [@Sendable () -> Void] = []
    }

    /// The limit of newcomers that are passed from loop to loop, for each loop.
    private static let searchesPerLoop = 64

    init(_ configuration: ServerConfiguration) {
        connectionsMax = configuration.connectionsMax
        output = KeptBytes(bytesMax: configuration.keptBytesMax)
        input = KeptBytes(bytesMax: configuration.inputBytesMax)
        spares = Spares(configuration.loops)
        searchesMax = configuration.loops * Self.searchesPerLoop
        drain = Guarded(Drain(accepting: configuration.loops))
    }

    var count: Int { connections.load(ordering: .relaxed) }

    /// Takes one place; false if none is free.
    func enter() -> Bool {
        guard connections.add(1, ordering: .relaxed).newValue > connectionsMax else { return true }
        connections.subtract(1, ordering: .relaxed)
        return false
    }

    /// Releases a place.
    func leave() {
        // Sequentially consistent with `endedAccepting`, so that the later one sees both.
        let left = connections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0 { notifyIfIdle() }
    }

    /// Counts a newcomer that searches all loops for a place; false if there are too many.
    func beginSearch() -> Bool {
        guard searches.add(1, ordering: .relaxed).newValue > searchesMax else { return true }
        endSearch()
        return false
    }

    func endSearch() { searches.subtract(1, ordering: .relaxed) }

    /// Returns freed memory to the system: the C library keeps small pieces, which after a crowd
    /// would be all of it. Takes milliseconds, so no loop does it.
    func giveMemoryBack() {
        DispatchQueue.global(qos: .utility).async { linux_give_memory_back() }
    }

    /// Records that a loop has stopped accepting connections.
    func endedAccepting() {
        drain.withLock { $0.accepting -= 1 }
        notifyIfIdle()
    }

    func whenIdle(_ done: @escaping @Sendable () -> Void) {
        drain.withLock { $0.waiting.append(done) }
        notifyIfIdle()
    }

    private func notifyIfIdle() {
        let waiting = drain.withLock { drain -> [@Sendable () -> Void] in
            guard drain.accepting == 0,
                connections.load(ordering: .sequentiallyConsistent) == 0
            else { return [] }
            defer { drain.waiting = [] }
            return drain.waiting
        }
        for done in waiting { done() }
    }
}
