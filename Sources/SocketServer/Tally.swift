// What the loops of one server have in common: how many connections there are and what they keep
// for slow readers, who waits for there to be none, and the spare descriptors.

import Locking
import Synchronization

/// Counts connections over all loops. Safe from any queue.
final class Tally: Sendable {
    let spares: Spares
    private let connectionsMax: Int
    private let keptBytesMax: Int
    private let connections = Atomic<Int>(0)
    private let keptBytes = Atomic<Int>(0)
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
        keptBytesMax = configuration.keptBytesMax
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

    /// Counts bytes that are to be kept for a peer; false when that would be too many.
    func keep(_ bytes: Int) -> Bool {
        let sum = keptBytes.add(bytes, ordering: .relaxed).newValue
        guard bytes > 0, sum > keptBytesMax else { return true }
        letGo(bytes)
        return false
    }

    func letGo(_ bytes: Int) { keptBytes.subtract(bytes, ordering: .relaxed) }

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
