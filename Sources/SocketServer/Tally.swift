// What the loops of one server have in common: how many connections there are and what they keep
// for slow peers, who waits for there to be none, and the spare descriptors.

import CLinux
import Dispatch
import Locking
import Synchronization

/// Counts connections over all loops. Safe from any queue.
final class Tally: Sendable {
    let spares: Spares
    /// Answers that are kept for peers that do not take them.
    let output: KeptBytes
    /// What has been received and cannot be used yet.
    let input: KeptBytes
    private let connectionsMax: Int
    private let connections = Atomic<Int>(0)
    private let searches = Atomic<Int>(0)
    private let searchesMax: Int
    private let drain: Guarded<Drain>

    private struct Drain {
        /// Loops that still take new connections.
        var accepting: Int
        var waiting: [@Sendable () -> Void] = []
    }

    /// Newcomers on their way from loop to loop, for each loop.
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

    /// Takes one of the places; false when all are taken.
    func enter() -> Bool {
        guard connections.add(1, ordering: .relaxed).newValue > connectionsMax else { return true }
        connections.subtract(1, ordering: .relaxed)
        return false
    }

    /// Gives a place back.
    func leave() {
        // Sequentially consistent with `endedAccepting`: whoever comes last sees both.
        let left = connections.subtract(1, ordering: .sequentiallyConsistent).newValue
        if left == 0 { tellIfIdle() }
    }

    /// Counts a newcomer that looks for a place at all loops; false when too many do.
    func beginSearch() -> Bool {
        guard searches.add(1, ordering: .relaxed).newValue > searchesMax else { return true }
        endSearch()
        return false
    }

    func endSearch() { searches.subtract(1, ordering: .relaxed) }

    /// The C library keeps what is freed in small pieces; after a crowd that would be all of it. Takes
    /// milliseconds, so that no loop does it.
    func giveMemoryBack() {
        DispatchQueue.global(qos: .utility).async { linux_give_memory_back() }
    }

    /// A loop takes no new connections any more.
    func endedAccepting() {
        drain.withLock { $0.accepting -= 1 }
        tellIfIdle()
    }

    func whenIdle(_ done: @escaping @Sendable () -> Void) {
        drain.withLock { $0.waiting.append(done) }
        tellIfIdle()
    }

    private func tellIfIdle() {
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
